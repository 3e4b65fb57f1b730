package postgres

import "encoding/binary"

// The numbers that PostgreSQL and its relatives give their types, in pg_type.
const (
	oidBytes = 17
	oidInt8  = 20
	oidText  = 25
)

// binaryFormat asks for values in the binary format (PostgreSQL manual, 55.2.3).
var binaryFormat = []int16{1}

// array is the binary form of an array of one dimension without NULL, as array_send gives it: the number of dimensions,
// whether there are NULLs, the type of the elements; for the dimension its length and first index; then each element
// after its length. All numbers are big-endian. It is written by hand because this is on the way of every login, where the
// general encoder of the library costs several times as much.
type array struct{ encoded []byte }

// begin empties the array for n elements.
func (a *array) begin(oid uint32, n int) {
	b := a.encoded[:0]
	for _, field := range [...]uint32{1, 0, oid, uint32(n), 1} {
		b = binary.BigEndian.AppendUint32(b, field)
	}
	a.encoded = b
}

func (a *array) bytes(v []byte) {
	a.encoded = append(binary.BigEndian.AppendUint32(a.encoded, uint32(len(v))), v...)
}

func (a *array) text(v string) {
	a.encoded = append(binary.BigEndian.AppendUint32(a.encoded, uint32(len(v))), v...)
}

func (a *array) number(v int64) {
	a.encoded = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(a.encoded, 8), uint64(v))
}
