package store

import (
	"encoding/binary"
	"fmt"
)

// Canonical returns bytes that say exactly what the record says: two records are the same when these are. It is for
// comparing the contents of databases, and may change from one version to the next.
func (r Record) Canonical() []byte {
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 256), uint16(r.Part))
	for _, f := range r.Fields() {
		switch f := f.(type) {
		case nil:
			b = append(b, 'n')
		case bool:
			if f {
				b = append(b, 't')
			} else {
				b = append(b, 'f')
			}
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(f))
		case string:
			b = append(binary.BigEndian.AppendUint64(append(b, 's'), uint64(len(f))), f...)
		case []byte:
			b = append(binary.BigEndian.AppendUint64(append(b, 'b'), uint64(len(f))), f...)
		default:
			panic(fmt.Sprintf("a field is a %T", f)) // Fields returns nothing else
		}
	}
	return b
}

// keyOf joins the fields of a key so that the order of the bytes is the order of the fields: numbers by size, text and
// ids byte by byte. Text holds no NUL, and numbers in keys are not negative.
func keyOf(fields []any) []byte {
	var key []byte
	for _, f := range fields {
		switch f := f.(type) {
		case int64:
			key = binary.BigEndian.AppendUint64(key, uint64(f))
		case string:
			key = append(append(key, f...), 0)
		case []byte:
			key = append(key, f...)
		default:
			panic(fmt.Sprintf("a %T in a key", f))
		}
	}
	return key
}

// Name returns the key as people know it, for messages: an id, or a number.
func (r Record) Name() string {
	name := ""
	for i, f := range r.Fields()[:r.Part.KeyFields()] {
		if i > 0 {
			name += "/"
		}
		if b, ok := f.([]byte); ok {
			name += fmt.Sprintf("%x", b)
			continue
		}
		name += fmt.Sprint(f)
	}
	return name
}
