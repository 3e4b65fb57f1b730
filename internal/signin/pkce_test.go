package signin

import (
	"strings"
	"testing"
)

// RFC 7636 appendix B.
const (
	rfcVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	rfcChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func TestChallengeMatchesItsVerifier(t *testing.T) {
	c, err := ParseChallenge(rfcChallenge)
	if err != nil {
		t.Fatalf("ParseChallenge(%q) = %v", rfcChallenge, err)
	}
	if c.String() != rfcChallenge {
		t.Errorf("String() = %q, want %q", c, rfcChallenge)
	}
	if !c.Matches(rfcVerifier) {
		t.Errorf("Matches(%q) = false, want true", rfcVerifier)
	}
	for _, v := range []string{"", rfcChallenge, rfcVerifier + "a", rfcVerifier[1:], strings.ToLower(rfcVerifier)} {
		if c.Matches(v) {
			t.Errorf("Matches(%q) = true, want false", v)
		}
	}
}

func TestParseChallengeIsStrict(t *testing.T) {
	for name, s := range map[string]string{
		"padding":               rfcChallenge + "=",
		"the other alphabet":    strings.Replace(rfcChallenge, "-", "+", 1),
		"a character too few":   rfcChallenge[1:],
		"a character too many":  rfcChallenge + "A",
		"a second spelling":     rfcChallenge[:42] + "N", // the two bits beyond the hash are not zero
		"a newline":             rfcChallenge[:20] + "\n" + rfcChallenge[20:],
		"a newline at the end":  rfcChallenge + "\r\n",
		"the hash in hex":       strings.Repeat("ab", 32),
		"text of the same size": strings.Repeat("!", 43),
	} {
		if _, err := ParseChallenge(s); KindOf(err) != ParameterInvalid {
			t.Errorf("%s: ParseChallenge(%q) = %v, want ParameterInvalid", name, s, err)
		}
	}
	if _, err := ParseChallenge(""); KindOf(err) != ParameterMissing {
		t.Errorf("ParseChallenge(nothing) = %v, want ParameterMissing", err)
	}
}

func TestVerifierHasItsLengthAndAlphabet(t *testing.T) {
	for _, v := range []string{rfcVerifier, strings.Repeat("a", 43), strings.Repeat("~", 128), "-._~" + strings.Repeat("0", 39)} {
		if err := CheckVerifier("code_verifier", v); err != nil {
			t.Errorf("CheckVerifier(%q) = %v, want nil", v, err)
		}
	}
	long := strings.Repeat("a", 42)
	for _, v := range []string{"", long, strings.Repeat("a", 129), long + " ", long + "+", long + "/", long + "=", long + "\n", long + "é", long + "\x00"} {
		if err := CheckVerifier("code_verifier", v); KindOf(err) != ParameterInvalid || strings.Contains(err.Error(), "aaa") {
			t.Errorf("CheckVerifier(%q) = %v, want ParameterInvalid without the verifier", v, err)
		}
	}
}
