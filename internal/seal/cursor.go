package seal

import "encoding/base64"

// Cursor is what the token says that a page of a list ends with (nextToken): of which list, and behind what the next page
// begins.
type Cursor struct {
	List    string // the operation
	Account string // whose list it is
	After   string // the last entry of the page
}

// SealCursor returns the token of c.
func SealCursor(k *Key, c Cursor) string {
	w := newWriter(nil)
	w.text(c.List)
	w.text(c.Account)
	w.text(c.After)
	return base64.RawURLEncoding.EncodeToString(k.appendSeal(nil, kindCursor, w.b))
}

// OpenCursor returns what SealCursor sealed, or ErrNotOurs.
func OpenCursor(keys Keys, text string) (Cursor, error) {
	facts, _, err := openText(keys, kindCursor, text, 2048)
	if err != nil {
		return Cursor{}, err
	}
	r := newReader(facts)
	c := Cursor{List: r.text(), Account: r.text(), After: r.text()}
	if err := r.done(); err != nil {
		return Cursor{}, err
	}
	return c, nil
}
