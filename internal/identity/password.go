package identity

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// The bounds of a password. It is used byte for byte: nothing is trimmed, folded or cut.
const (
	MinPassword = 8    // characters, when it is set
	MaxPassword = 1024 // bytes, always
)

// cost is what argon2id is run with. The memory is in KiB.
type cost struct {
	memory, time uint32
	threads      uint8
}

// current is the cost of new hashes: 19 MiB and two passes, the smaller of the settings that are commonly advised,
// because the memory is taken once for every core at work. A hash takes about 40 ms.
var current = cost{memory: 19456, time: 2, threads: 1}

// The bounds of a hash that was made elsewhere. They keep a row of the database from taking the server's memory.
const (
	maxMemory  = 256 << 10 // KiB
	maxTime    = 16
	maxThreads = 8
	minSalt    = 8 // bytes
	maxSalt    = 64
	minSum     = 16
	maxSum     = 64
)

const (
	saltSize = 16
	sumSize  = 32
)

// hash is a hashed password.
type hash struct {
	cost
	salt, sum []byte
}

// HashPassword returns the PHC string of password, with a fresh salt. It takes about 40 ms. A ParameterInvalid fault:
// the password is shorter than MinPassword or longer than MaxPassword.
func HashPassword(password string) (string, error) {
	if utf8.RuneCountInString(password) < MinPassword {
		return "", signin.Refuse(signin.ParameterInvalid, "The password is too short: at least %d characters are needed.", MinPassword)
	}
	if len(password) > MaxPassword {
		return "", signin.Refuse(signin.ParameterInvalid, "The password is too long: at most %d bytes are allowed.", MaxPassword)
	}
	h := hash{cost: current, salt: make([]byte, saltSize)}
	rand.Read(h.salt)
	h.sum = h.derive(password, sumSize)
	return h.String(), nil
}

// derive runs argon2id and returns size bytes.
func (h hash) derive(password string, size int) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(size))
}

// matches tells in constant time whether password is the one.
func (h hash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.derive(password, len(h.sum)), h.sum) == 1
}

// nobody is what is compared with where there is no hash. Its sum is no output of argon2id but zeros, and what comes out
// of the comparison is not looked at; it is there for the time that it takes.
func nobody() hash {
	return hash{cost: current, salt: make([]byte, saltSize), sum: make([]byte, sumSize)}
}

// String returns the PHC form: $argon2id$v=19$m=…,t=…,p=…$salt$sum, in base64 without padding.
func (h hash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.sum))
}

// parseHash reads what String wrote, also with another cost. It refuses every second spelling of the same hash, and
// costs beyond the bounds above. Its errors hold nothing of s.
func parseHash(s string) (hash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return hash{}, errors.New("password hash is not a PHC string of argon2id")
	}
	if parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return hash{}, fmt.Errorf("password hash is not of argon2 version %d", argon2.Version)
	}
	c, err := parseCost(parts[3])
	if err != nil {
		return hash{}, err
	}
	salt, err := parseBytes("salt", parts[4], minSalt, maxSalt)
	if err != nil {
		return hash{}, err
	}
	sum, err := parseBytes("sum", parts[5], minSum, maxSum)
	if err != nil {
		return hash{}, err
	}
	return hash{cost: c, salt: salt, sum: sum}, nil
}

// parseCost reads m=…,t=…,p=… in this order.
func parseCost(s string) (cost, error) {
	fields := strings.Split(s, ",")
	if len(fields) != 3 {
		return cost{}, errors.New("password hash needs m, t and p")
	}
	var n [3]uint64
	for i, f := range []struct {
		name string
		most uint64
	}{{"m", maxMemory}, {"t", maxTime}, {"p", maxThreads}} {
		digits, ok := strings.CutPrefix(fields[i], f.name+"=")
		v, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || v < 1 || v > f.most || strconv.FormatUint(v, 10) != digits {
			return cost{}, fmt.Errorf("password hash needs %s from 1 to %d", f.name, f.most)
		}
		n[i] = v
	}
	c := cost{memory: uint32(n[0]), time: uint32(n[1]), threads: uint8(n[2])}
	if c.memory < 8*uint32(c.threads) { // RFC 9106 section 3.1
		return cost{}, errors.New("password hash needs m of at least 8 times p")
	}
	return c, nil
}

var strictBase64 = base64.RawStdEncoding.Strict()

func parseBytes(name, s string, least, most int) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // which the decoder passes over
		return nil, fmt.Errorf("password hash has a line end in its %s", name)
	}
	b, err := strictBase64.DecodeString(s)
	if err != nil || len(b) < least || len(b) > most {
		return nil, fmt.Errorf("password hash needs a %s of %d to %d bytes", name, least, most)
	}
	return b, nil
}
