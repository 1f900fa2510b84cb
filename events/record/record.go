package record

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"bookledger/events"
)

// HeaderRecorded is the NATS header that carries the original recorded time
// of a record on a history subject; elsewhere it means nothing.
const HeaderRecorded = "Ledger-Recorded"

// Record is one record of the journal.
type Record struct {
	Seq     uint64
	Stamped time.Time // JetStream's time, UTC
	Subject string
	Header  string // HeaderRecorded verbatim, on history subjects only
	Body    []byte // the message
}

// ClaimedTime is the time at which the record, with this outcome, says itself that
// it was recorded: the header's of accepted history, else the stamp. Its
// recorded time is never earlier than that of the record before.
func (r Record) ClaimedTime(o Outcome) time.Time {
	if events.IsHistory(r.Subject) && (o == Applied || o == Unchanged) {
		if t, err := events.ParseTime(r.Header); err == nil {
			return t
		}
	}
	return r.Stamped
}

// AppendLeaf appends the leaf that stands for the record in the journal's
// tree: sequence, stamp in nanoseconds since 1970, subject, header and body,
// each preceded by its length; numbers and lengths are 8 bytes, big-endian.
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
	var room [2048]byte // most leaves have room on the stack
	return sha256.Sum256(r.AppendLeaf(append(room[:0], leafPrefix)))
}

// leafPrefix sets leaves apart from the tree's inner nodes.
const leafPrefix = 0
