package clients

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestNamesThatPeopleGiveAreKept(t *testing.T) {
	for _, name := range []string{
		"Claude", "Visual Studio Code", "Cursor 2.0 (beta)", "Bücher & Söhne", "Trợ lý AI", "Помощник", "助手", "アシスタント", "עוזר", "مساعد",
		"O'Reilly", "L’outil", "a+b/c_d-e@f.g!", "🙂 tool", "नमस्ते",
	} {
		if got := CleanName(name); got != name {
			t.Errorf("CleanName(%q) = %q", name, got)
		}
	}
}

// Attack: a client registers under a name that makes the consent page say something else than it does: turn the direction
// of what follows, end the quotation and go on in the page's own voice, hide text, break lines, or push it out of sight.
func TestNamesCannotSpoofThePage(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"line ends":              {"AWS\r\nCLI\u2028x\u2029y", "AWS CLI x y"},
		"control characters":     {"A\x00B\x1b[31mC\u0085D", "A B [31mC D"},
		"a bidi override":        {"safe\u202egpj.exe", "safe gpj.exe"},
		"bidi isolates":          {"\u2066a\u2067b\u2068c\u2069", "a b c"},
		"direction marks":        {"a\u200eb\u200fc\u061cd", "a b c d"},
		"invisible letters":      {"AW\u200bS\u2060\ufeff\u00ad", "AW S"},
		"fillers":                {"\u3164\u115f\u1160\uffa0\u2800", ""},
		"tags":                   {"a\U000E0041\U000E0042b", "a b"},
		"variation selectors":    {"a\ufe0fb\U000E0100c", "a b c"},
		"private use":            {"a\ue000b\U000F0000c", "a b c"},
		"not characters":         {"a\ufffe\uffffb\ufffdc", "a b c"},
		"bytes that are no text": {"a\xff\xfeb", "a b"},
		"quotation marks":        {`App" by Amazon. Verified: "yes`, "App by Amazon. Verified: yes"},
		"other quotation marks":  {"a“b”c„d«e»f`g「h」", "a b c d e f g h"},
		"many spaces":            {"  a  \t\u00a0\u3000 b  ", "a b"},
		"stacked marks":          {"Z\u0300\u0301\u0302\u0303\u0304\u0305a", "Z\u0300\u0301a"},
		"marks without a letter": {"\u0301\u0302a \u0301b", "a b"},
		"enclosing marks":        {"a\u20ddb", "a b"},
		"nothing":                {"", ""},
		"much":                   {strings.Repeat("ab ", 1000), strings.TrimRight(strings.Repeat("ab ", 22)[:64], " ")},
		"a long word":            {strings.Repeat("ä", 65), strings.Repeat("ä", 64)},
		"the longest":            {strings.Repeat("ä", 64), strings.Repeat("ä", 64)},
	} {
		if got := CleanName(tt.in); got != tt.want {
			t.Errorf("%s: CleanName(%q) = %q, want %q", name, tt.in, got, tt.want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"Claude", "a\u202eb", "Z\u0300\u0301\u0302", "\xff", "「a」", strings.Repeat("x ", 99)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := CleanName(name)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxName || strings.TrimSpace(got) != got || strings.Contains(got, "  ") {
			t.Errorf("CleanName(%q) = %q", name, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) || strings.ContainsRune("\"`“”«»„", r) {
				t.Errorf("CleanName(%q) = %q holds %U", name, got, r)
			}
		}
		if again := CleanName(got); again != got {
			t.Errorf("CleanName(%q) = %q, and of that it is %q", name, got, again)
		}
	})
}
