package signin

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Logs and metrics show a Kind by its name, so no two may have one.
func TestEveryKindHasANameOfItsOwn(t *testing.T) {
	names := map[string]Kind{}
	for _, k := range Kinds() {
		name := k.String()
		if other, taken := names[name]; taken || name == "" || strings.ContainsAny(name, " ()") {
			t.Errorf("kind %d is called %q; so is %d: %v", k, name, other, taken)
		}
		names[name] = k
	}
	if len(names) != int(kindsLength) || Kinds()[0] != Internal {
		t.Errorf("Kinds() has %d kinds from %v, want %d from Internal", len(names), Kinds()[0], kindsLength)
	}
	// Pairs at both ends of a group, so that a name that was left out is seen.
	for k, want := range map[Kind]string{
		Internal: "Internal", ParameterInvalid: "ParameterInvalid", ClientUnknown: "ClientUnknown", ProofKeyMismatch: "ProofKeyMismatch",
		CodeMismatch: "CodeMismatch", PermissionMissing: "PermissionMissing", ConsentRefused: "ConsentRefused", Overloaded: "Overloaded",
		-1: "Kind(-1)", kindsLength: fmt.Sprintf("Kind(%d)", kindsLength),
	} {
		if got := k.String(); got != want {
			t.Errorf("Kind(%d).String() = %q, want %q", int(k), got, want)
		}
	}
}

func TestEveryReasonHasANameOfItsOwn(t *testing.T) {
	names := map[string]Reason{}
	for r := RevokedSession; r <= RemovedClient; r++ {
		if other, taken := names[r.String()]; taken || r.String() == "unknown" {
			t.Errorf("reason %d is called %q; so is %d: %v", r, r, other, taken)
		}
		names[r.String()] = r
	}
	if got := (RemovedClient + 1).String(); got != "unknown" {
		t.Errorf("a reason that is not there is called %q, want unknown", got)
	}
}

func TestKindIsFoundThroughWrapping(t *testing.T) {
	cause := errors.New("the cause")
	fault := RefuseBecause(cause, CodeSpent, "spent %d times", 2)
	wrapped := fmt.Errorf("redeem: %w", fault)
	if KindOf(wrapped) != CodeSpent || !errors.Is(wrapped, cause) {
		t.Errorf("KindOf(%v) = %v, want CodeSpent; its cause is found: %v", wrapped, KindOf(wrapped), errors.Is(wrapped, cause))
	}
	if got, want := fault.Error(), "CodeSpent: spent 2 times: the cause"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	for _, err := range []error{nil, cause} {
		if got := KindOf(err); got != Internal {
			t.Errorf("KindOf(%v) = %v, want Internal", err, got)
		}
	}
}
