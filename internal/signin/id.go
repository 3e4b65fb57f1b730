package signin

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// SessionID names one login from its authorization on. Its first six bytes are milliseconds since the epoch, big
// endian, and the rest is random (the layout of a version 7 UUID, RFC 9562 section 5.7), because inserts in the order of
// time are several times as cheap as random ones.
type SessionID [16]byte

// NewSessionID returns a fresh id for the time now.
func NewSessionID(now time.Time) SessionID {
	var id SessionID
	rand.Read(id[6:])
	ms := uint64(now.UnixMilli())
	binary.BigEndian.PutUint16(id[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(id[2:], uint32(ms))
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// String returns the id in the usual form of a UUID.
func (id SessionID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:36], id[10:16])
	return string(b[:])
}

// ParseSessionID reads what String wrote.
func ParseSessionID(s string) (SessionID, error) {
	var id SessionID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, fmt.Errorf("session id is not of the form of a UUID")
	}
	digits := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return SessionID{}, fmt.Errorf("session id is not of the form of a UUID")
	}
	return id, nil
}

// The prefixes of unique ids, as IAM uses them.
const (
	PrefixPerson      = "AIDA" // people and service users
	PrefixRole        = "AROA"
	PrefixGroup       = "AGPA"
	PrefixAccessKey   = "AKIA" // long-lived access keys
	PrefixTemporary   = "ASIA" // access key ids of minted credentials
	uniqueIDBodyBytes = 10
)

var base32NoPad = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewUniqueID returns prefix and 16 random characters of base32, for example AROAQ3EGR5D2K7YHJ4XA.
func NewUniqueID(prefix string) string {
	var b [uniqueIDBodyBytes]byte
	rand.Read(b[:])
	return UniqueID(prefix, b)
}

// UniqueID returns prefix and the 16 characters of base32 that body encodes to.
func UniqueID(prefix string, body [uniqueIDBodyBytes]byte) string {
	return prefix + base32NoPad.EncodeToString(body[:])
}

// UniqueIDBody returns the body of an id that UniqueID made with prefix, and whether id is one.
func UniqueIDBody(prefix, id string) (body [uniqueIDBodyBytes]byte, ok bool) {
	if len(id) != len(prefix)+base32NoPad.EncodedLen(len(body)) || id[:len(prefix)] != prefix {
		return body, false
	}
	// The decoder passes over line ends, so that fewer bytes may come out.
	n, err := base32NoPad.Decode(body[:], []byte(id[len(prefix):]))
	if err != nil || n != len(body) {
		return [uniqueIDBodyBytes]byte{}, false
	}
	return body, true
}
