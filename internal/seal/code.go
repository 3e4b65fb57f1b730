package seal

import (
	"encoding/base64"
	"math"
	"strconv"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// MaxCode is the longest code in characters (CreateOAuth2Token, code).
const MaxCode = 512

// SealCode returns the code that says a: base64url, at most MaxCode characters.
func SealCode(k *Key, a signin.Authorization) string {
	w := newWriter(make([]byte, 0, 384))
	w.raw(a.ID[:])
	w.raw(a.Salt[:])
	if a.ClientID == "" {
		w.number(clientByHash)
		w.raw(a.Client[:])
		w.raw(a.Resource[:])
		w.number(int64(a.Scope))
	} else {
		writeClient(&w, a.ClientID)
	}
	w.raw(a.Redirect[:])
	w.raw(a.Challenge[:])
	writePrincipal(&w, a.Principal)
	w.millis(a.AuthTime)
	w.millis(a.Issued)
	w.number(a.AsOf)
	w.seconds(a.Expires)
	w.text(a.Methods)
	return base64.RawURLEncoding.EncodeToString(k.appendSeal(nil, kindCode, w.b))
}

// OpenCode returns what SealCode sealed, or ErrNotOurs. It does not look at the time.
func OpenCode(keys Keys, code string) (signin.Authorization, error) {
	facts, _, err := openText(keys, kindCode, code, MaxCode)
	if err != nil {
		return signin.Authorization{}, err
	}
	var a signin.Authorization
	r := newReader(facts)
	r.raw(a.ID[:])
	r.raw(a.Salt[:])
	if r.next(clientByHash) {
		r.raw(a.Client[:])
		r.raw(a.Resource[:])
		a.Scope = readScope(&r)
	} else {
		a.ClientID = readClient(&r)
	}
	r.raw(a.Redirect[:])
	r.raw(a.Challenge[:])
	a.Principal = readPrincipal(&r)
	a.AuthTime = r.millis()
	a.Issued = r.millis()
	a.AsOf = r.number()
	a.Expires = r.seconds()
	a.Methods = r.text()
	if err := r.done(); err != nil {
		return signin.Authorization{}, err
	}
	return a, nil
}

// openText opens an envelope in base64url of at most limit characters.
func openText(keys Keys, kd kind, text string, limit int) ([]byte, *Key, error) {
	if len(text) > limit {
		return nil, nil, ErrNotOurs
	}
	envelope, err := strictBase64.DecodeString(text)
	if err != nil {
		return nil, nil, ErrNotOurs
	}
	return open(keys, kd, envelope)
}

// strictBase64 refuses a second spelling of the same bytes. (It still passes over line ends, which do no harm: the
// envelope is authenticated.)
var strictBase64 = base64.RawURLEncoding.Strict()

// The two clients that nearly every envelope names are a number, which saves a tenth of a code.
const (
	clientSameDevice  = 1
	clientCrossDevice = 2
	clientByID        = 3
	clientByHash      = 4 // in codes only: 16 bytes each of the hashes of the id and of the resource, and the scope
)

func writeClient(w *writer, id string) {
	switch id {
	case signin.SameDevice:
		w.number(clientSameDevice)
	case signin.CrossDevice:
		w.number(clientCrossDevice)
	default:
		w.number(clientByID)
		w.text(id)
	}
}

func readClient(r *reader) string {
	switch r.number() {
	case clientSameDevice:
		return signin.SameDevice
	case clientCrossDevice:
		return signin.CrossDevice
	case clientByID:
		return r.text()
	}
	r.failed = true
	return ""
}

func readScope(r *reader) signin.Scope {
	n := r.number()
	if n < 0 || n > math.MaxUint8 || !signin.ValidScope(signin.Scope(n)) {
		r.failed = true
		return 0
	}
	return signin.Scope(n)
}

// A principal is written short, because a code must stay within MaxCode characters: the account as a number, and unique
// ids as the ten bytes that their sixteen characters stand for.
func writePrincipal(w *writer, p signin.Principal) {
	n, err := strconv.ParseInt(p.Account, 10, 64)
	if err != nil || len(p.Account) != 12 {
		panic("seal: account is not twelve digits")
	}
	w.number(n)
	w.text(p.Role)
	writeUniqueID(w, signin.PrefixRole, p.RoleID)
	w.text(p.Person)
	writeUniqueID(w, signin.PrefixPerson, p.PersonID)
}

func readPrincipal(r *reader) signin.Principal {
	account := r.number()
	if account < 0 || account > 999_999_999_999 {
		r.failed = true
	}
	var digits [12]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + account%10)
		account /= 10
	}
	return signin.Principal{
		Account:  string(digits[:]),
		Role:     r.text(),
		RoleID:   readUniqueID(r, signin.PrefixRole),
		Person:   r.text(),
		PersonID: readUniqueID(r, signin.PrefixPerson),
	}
}

func writeUniqueID(w *writer, prefix, id string) {
	body, ok := signin.UniqueIDBody(prefix, id)
	if !ok {
		panic("seal: id is not " + prefix + " and 16 characters of base32")
	}
	w.raw(body[:])
}

func readUniqueID(r *reader, prefix string) string {
	var body [10]byte
	r.raw(body[:])
	return signin.UniqueID(prefix, body)
}
