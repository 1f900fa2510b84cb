package record

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"bookledger/events"
)

// HeaderRecorded is the NATS header with the original recorded time of a record
// on a history subject. It is ignored on other subjects.
const HeaderRecorded = "Ledger-Recorded"

// Record is one record of the journal.
type Record struct {
	Seq     uint64
	Stamped time.Time // JetStream's time, UTC
	Subject string
	Header  string // HeaderRecorded verbatim, on history subjects only
	Body    []byte // the message
}

// ClaimedTime returns the header's time for an accepted history record, and the
// stamp for any other record. The recorded time is the same, but never earlier
// than the recorded time of the previous record.
func (r Record) ClaimedTime(o Outcome) time.Time {
	if events.IsHistory(r.Subject) && (o == Applied || o == Unchanged) {
		if t, err := events.ParseTime(r.Header); err == nil {
			return t
		}
	}
	return r.Stamped
}

// AppendLeaf appends the record's leaf in the journal's Merkle tree: sequence,
// stamp in nanoseconds since 1970, subject, header and body, each preceded by
// its length. Numbers and lengths are 8 bytes, big-endian.
func (r Record) AppendLeaf(dst []byte) []byte {
	number := func(n uint64) {
		dst = binary.BigEndian.AppendUint64(dst, 8)
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	text := func(s string) {
		dst = binary.BigEndian.AppendUint64(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	number(r.Seq)
	number(uint64(r.Stamped.UnixNano()))
	text(r.Subject)
	text(r.Header)
	dst = binary.BigEndian.AppendUint64(dst, uint64(len(r.Body)))
	return append(dst, r.Body...)
}

// LeafHash returns the RFC 6962 hash of the record's leaf.
func (r Record) LeafHash() [32]byte {
	var buf [2048]byte // keeps most leaves on the stack
	return sha256.Sum256(r.AppendLeaf(append(buf[:0], leafPrefix)))
}

// leafPrefix distinguishes leaves from inner nodes (RFC 6962).
const leafPrefix = 0
