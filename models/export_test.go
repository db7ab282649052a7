package models

import (
	"encoding/binary"
	"hash/crc32"
)

// Reseal gives bytes a checksum that holds, so that fuzzing reaches behind it.
func Reseal(data []byte) []byte {
	if len(data) < 4 {
		return data
	}
	body := append([]byte(nil), data[:len(data)-4]...)
	return binary.LittleEndian.AppendUint32(body, crc32.ChecksumIEEE(body))
}

// BreachProbability is breachProbability.
var BreachProbability = breachProbability

// Quantity is quantity.
var Quantity = quantity
