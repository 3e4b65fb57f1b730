package keyring

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestWrappedFormIsReadStrictly(t *testing.T) {
	whole, err := joinWrapped("vault:transit/a", []byte("body"))
	if err != nil || string(whole) != "latchkey\x01\x0fvault:transit/abody" {
		t.Fatalf("joinWrapped = %q, %v", whole, err)
	}
	for _, tt := range []struct {
		name, wrapped, id, body string
		err                     error
	}{
		{"whole", string(whole), "vault:transit/a", "body", nil},
		{"of an older version", strings.Repeat("x", 72), "", strings.Repeat("x", 72), nil},
		{"nothing", "", "", "", nil},
		{"half a mark", "latchke", "", "latchke", nil},
		{"another case of the mark", "Latchkey\x01\x01a", "", "Latchkey\x01\x01a", nil},
		{"only the mark", "latchkey", "", "", errDamaged},
		{"no length", "latchkey\x01", "", "", errDamaged},
		{"a newer version", "latchkey\x02\x00", "", "", errNewerForm},
		{"version zero", "latchkey\x00\x00", "", "", errNewerForm},
		{"no id", "latchkey\x01\x00body", "", "", errDamaged},
		{"no body", "latchkey\x01\x07local:a", "", "", errDamaged},
		{"a length beyond the end", "latchkey\x01\xfflocal:a", "", "", errDamaged},
		{"an id without a kind", "latchkey\x01\x05locala", "", "", errDamaged},
		{"an id with a line break", "latchkey\x01\x09local:a\n\nbody", "", "", errDamaged},
		{"an id with a terminal's escape", "latchkey\x01\x09local:\x1b[mbody", "", "", errDamaged},
		{"too long", "latchkey\x01\x07local:a" + strings.Repeat("x", maxWrapped), "", "", errDamaged},
	} {
		id, body, err := splitWrapped([]byte(tt.wrapped))
		if id != tt.id || string(body) != tt.body || !errors.Is(err, tt.err) {
			t.Errorf("%s: splitWrapped = %q, %q, %v, want %q, %q, %v", tt.name, id, body, err, tt.id, tt.body, tt.err)
		}
	}
	for _, id := range []string{"", "local", "local:", ":a", "Local:a", "local:a b", "local:ä", "local:" + strings.Repeat("a", 250)} {
		if _, err := joinWrapped(id, []byte("x")); err == nil {
			t.Errorf("joinWrapped(%q) = nil, want an error", id)
		}
	}
	for _, body := range [][]byte{nil, make([]byte, maxWrapped)} {
		if _, err := joinWrapped("local:a", body); err == nil {
			t.Errorf("joinWrapped(%d bytes) = nil, want an error", len(body))
		}
	}
}

// What is in the database may have been written by anybody. Whatever it is, it is one of three things: of an older
// version, well formed and then exactly what joinWrapped makes, or refused.
func FuzzSplitWrapped(f *testing.F) {
	whole, err := joinWrapped("aws-kms:alias/latchkey", []byte("body"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{whole, whole[:9], []byte("latchkey\x01\x07local:a"), make([]byte, 72), slices.Concat(whole, whole)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wrapped []byte) {
		id, body, err := splitWrapped(wrapped)
		switch {
		case err != nil:
			if id != "" || body != nil {
				t.Errorf("splitWrapped(%q) = %q, %q beside an error", wrapped, id, body)
			}
		case id == "":
			if !bytes.Equal(body, wrapped) || bytes.HasPrefix(wrapped, []byte(wrappedMark)) {
				t.Errorf("splitWrapped(%q) = %q of an older version", wrapped, body)
			}
		default:
			again, err := joinWrapped(id, body)
			if err != nil || !bytes.Equal(again, wrapped) {
				t.Errorf("splitWrapped(%q) = %q, %q, which is %q, %v when it is put together", wrapped, id, body, again, err)
			}
		}
	})
}
