package dpop

import (
	"math"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// jti is any text (RFC 9449 section 4.2). Clients send UUIDs, 32 hex digits or 22 characters of base64url; less than
	// minJTI cannot be unique.
	minJTI = 8
	maxJTI = 256

	lastSecond = 253402300799 // 9999-12-31T23:59:59Z, the last that RFC 3339 can write
)

// claims is the payload of a proof. Other members are ignored.
type claims struct {
	Method string  `json:"htm"`
	URL    string  `json:"htu"`
	Issued instant `json:"iat"`
	ID     string  `json:"jti"`
}

// instant is a time as a JSON number of seconds since 1970.
type instant struct {
	seconds int64
	given   bool // the member is there
	whole   bool // and is a number that wholeSeconds accepts
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom. It accepts every value, so that readClaims can name the rule.
func (i *instant) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	i.given = true
	i.seconds, i.whole = wholeSeconds(v)
	return nil
}

// readClaims reads the payload.
func readClaims(doc []byte) (claims, error) {
	var c claims
	if err := json.Unmarshal(doc, &c); err != nil {
		return claims{}, unreadable("payload", err)
	}
	switch {
	case c.Method == "":
		return claims{}, invalid(`"htm" is missing`)
	case c.URL == "":
		return claims{}, invalid(`"htu" is missing`)
	case !c.Issued.given:
		return claims{}, invalid(`"iat" is missing`)
	case len(c.ID) < minJTI:
		return claims{}, invalid(`"jti" is missing or shorter than 8 bytes`)
	case len(c.ID) > maxJTI:
		return claims{}, invalid(`"jti" is longer than 256 bytes`)
	case !c.Issued.whole:
		return claims{}, invalid(`"iat" is not a whole number of seconds (not milliseconds) since 1970`)
	}
	return c, nil
}

// wholeSeconds reads a JSON number that is a whole second from 1970 to 9999, in any notation: some clients keep it as a
// floating-point number, and write 1.7e9. What a float64 cannot tell from a whole second is one.
func wholeSeconds(number []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(number), 10, 64); err == nil {
		return n, n >= 0 && n <= lastSecond
	}
	if len(number) == 0 || number[0] < '0' || number[0] > '9' {
		return 0, false // a string, an object, a negative number
	}
	f, err := strconv.ParseFloat(string(number), 64)
	if err != nil || f != math.Trunc(f) || f > lastSecond {
		return 0, false
	}
	return int64(f), true
}
