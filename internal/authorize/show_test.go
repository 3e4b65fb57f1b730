package authorize

import "testing"

// Messages are written for the wire, where they are short and begin small. On a page, people read sentences.
func TestMessagesAreSentencesOnPages(t *testing.T) {
	for message, want := range map[string]string{
		"client_id is missing":                   "client_id is missing.",
		"this client is not registered here":     "This client is not registered here.",
		"The server could not do it. Try again.": "The server could not do it. Try again.",
	} {
		if got := readable(message); got != want {
			t.Errorf("readable(%q) = %q, want %q", message, got, want)
		}
	}
}
