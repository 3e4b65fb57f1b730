package policy

import (
	"encoding/base64"
	"testing"
	"time"
)

// Compared with the standard library's decoder in its strict form, but for line ends, which that one passes over.
func FuzzIsBase64(f *testing.F) {
	for _, s := range []string{"", "AA==", "AB==", "AAE=", "AAF=", "AAEC", "A", "====", "=", "A===", "AA=A", "Aé=="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range s {
			if c == '\r' || c == '\n' {
				return
			}
		}
		_, err := base64.StdEncoding.Strict().DecodeString(s)
		if got := isBase64(s); got != (err == nil) {
			t.Errorf("isBase64(%q) = %v, and the decoder says %v", s, got, err)
		}
	})
}

// The forms that the IAM user guide names ("Date condition operators"): those of the W3C note on ISO 8601, and epoch time.
func TestDatesAreReadInEveryForm(t *testing.T) {
	want := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, v := range []string{"2026-01-01T00:00:00Z", "2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00", "2026-01-01T00:00Z", "2026-01-01", "2026-01", "2026", "1767225600"} {
		if got, err := parseDate(v); err != nil || !got.Equal(want) {
			t.Errorf("parseDate(%q) = %v, %v, want %v", v, got, err, want)
		}
	}
	if got, err := parseDate("-1"); err != nil || got.Unix() != -1 {
		t.Errorf("parseDate(-1) = %v, %v, want a second before 1970", got, err)
	}
	for _, v := range []string{"", "-", "2026-13-01", "99999999999999999999", "1767225600.5", "01/01/2026"} {
		if got, err := parseDate(v); err == nil {
			t.Errorf("parseDate(%q) = %v, want an error", v, got)
		}
	}
}
