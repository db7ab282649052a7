package models

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// The bytes of a fitted model, integers little-endian:
//
//	magic "DRFT" · version u8 · kind length u8 · kind · payload length u32 · payload · CRC-32 of all before, u32
const (
	codecMagic   = "DRFT"
	codecVersion = 1
	codecMaximum = 1 << 30 // bytes of a payload
)

// Unmarshal reads what a Fitted's MarshalBinary wrote. It returns ErrCorrupt
// (wrapped) where the bytes are cut short, changed or not a model's, and
// ErrSchema where they come from a Driftcast that this one does not know. It
// allocates no more than a small multiple of len(data).
func Unmarshal(data []byte) (Fitted, error) {
	kind, payload, err := unseal(data)
	if err != nil {
		return nil, err
	}
	decode := decoderOf(kind)
	if decode == nil {
		return nil, fmt.Errorf("model of kind %q: %w: this version of driftcast does not know it; retrain", kind, ErrSchema)
	}
	fitted, err := decode(payload)
	if err != nil {
		return nil, fmt.Errorf("model of kind %q: %w", kind, err)
	}
	return fitted, nil
}

// seal wraps the payload of a model of a kind for Unmarshal.
func seal(kind string, payload []byte) ([]byte, error) {
	if len(kind) == 0 || len(kind) > math.MaxUint8 || len(payload) > codecMaximum {
		return nil, fmt.Errorf("model of kind %q with %d bytes: too large to write", kind, len(payload))
	}
	b := make([]byte, 0, len(codecMagic)+6+len(kind)+len(payload)+4)
	b = append(b, codecMagic...)
	b = append(b, codecVersion, byte(len(kind)))
	b = append(b, kind...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = append(b, payload...)
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)), nil
}

// unseal checks what seal wrote and returns its parts, views of data.
func unseal(data []byte) (kind string, payload []byte, err error) {
	const head = len(codecMagic) + 2
	if len(data) < head || string(data[:len(codecMagic)]) != codecMagic {
		return "", nil, fmt.Errorf("%w: not the bytes of a model", ErrCorrupt)
	}
	if v := data[len(codecMagic)]; v != codecVersion {
		return "", nil, fmt.Errorf("model format %d: %w: this version of driftcast reads format %d; retrain", v, ErrSchema, codecVersion)
	}
	length := int(data[head-1])
	rest := data[head:]
	if len(rest) < length+4 {
		return "", nil, fmt.Errorf("%w: cut short", ErrCorrupt)
	}
	kind, rest = string(rest[:length]), rest[length:]
	size := binary.LittleEndian.Uint32(rest)
	rest = rest[4:]
	if uint64(len(rest)) != uint64(size)+4 {
		return "", nil, fmt.Errorf("%w: %d bytes where %d were written", ErrCorrupt, len(rest)-4, size)
	}
	body := len(data) - 4
	if crc32.ChecksumIEEE(data[:body]) != binary.LittleEndian.Uint32(data[body:]) {
		return "", nil, fmt.Errorf("%w: checksum differs", ErrCorrupt)
	}
	return kind, rest[:size], nil
}

// packer writes the payload of a model, field by field; unpacker reads it back
// in the same order.
type packer struct{ bytes []byte }

func (p *packer) integer(v int) { p.bytes = binary.AppendVarint(p.bytes, int64(v)) }
func (p *packer) float(v float64) {
	p.bytes = binary.LittleEndian.AppendUint64(p.bytes, math.Float64bits(v))
}

func (p *packer) text(v string) {
	p.integer(len(v))
	p.bytes = append(p.bytes, v...)
}

func (p *packer) floats(v []float64) {
	p.integer(len(v))
	for _, x := range v {
		p.float(x)
	}
}

func (p *packer) integers(v []int) {
	p.integer(len(v))
	for _, x := range v {
		p.integer(x)
	}
}

func (p *packer) texts(v []string) {
	p.integer(len(v))
	for _, x := range v {
		p.text(x)
	}
}

// unpacker reads a payload; after the first error every read answers zero, and
// done tells the error. It never allocates more than the payload can fill.
type unpacker struct {
	rest []byte
	err  error
}

func (u *unpacker) fail(what string) {
	if u.err == nil {
		u.err = fmt.Errorf("%w: %s", ErrCorrupt, what)
	}
	u.rest = nil
}

func (u *unpacker) integer() int {
	v, n := binary.Varint(u.rest)
	if n <= 0 {
		u.fail("an integer is missing")
		return 0
	}
	u.rest = u.rest[n:]
	return int(v)
}

func (u *unpacker) float() float64 {
	if len(u.rest) < 8 {
		u.fail("a number is missing")
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(u.rest))
	u.rest = u.rest[8:]
	return v
}

// length reads the length of a list whose elements take at least size bytes.
func (u *unpacker) length(size int) int {
	n := u.integer()
	if n < 0 || n > len(u.rest)/size {
		u.fail("a list is cut short")
		return 0
	}
	return n
}

func (u *unpacker) text() string {
	n := u.length(1)
	v := string(u.rest[:n])
	u.rest = u.rest[n:]
	return v
}

func (u *unpacker) floats() []float64 {
	v := make([]float64, u.length(8))
	for i := range v {
		v[i] = u.float()
	}
	return v
}

func (u *unpacker) integers() []int {
	v := make([]int, u.length(1))
	for i := range v {
		v[i] = u.integer()
	}
	return v
}

func (u *unpacker) texts() []string {
	v := make([]string, u.length(1))
	for i := range v {
		v[i] = u.text()
	}
	return v
}

// done returns the first error, or ErrCorrupt where bytes are left over.
func (u *unpacker) done() error {
	if u.err == nil && len(u.rest) > 0 {
		u.fail(fmt.Sprintf("%d bytes too many", len(u.rest)))
	}
	return u.err
}
