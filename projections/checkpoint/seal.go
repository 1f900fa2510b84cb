package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"bookledger/events"
	"bookledger/events/record/tree"
)

// Seal is the seal of a Friday that stands in the record.
type Seal struct {
	Seq uint64 `json:"seq"` // of its record
	events.Sealed
}

// Signature is a signature of a Friday's seal that stands in the record.
type Signature struct {
	Seq uint64 `json:"seq"`
	events.SealSigned
}

// KeyChange is a change of the key of the seals that stands in the record.
type KeyChange struct {
	Seq  uint64
	Note string
}

// SealOf returns what the seal of the Friday says: a function of the record up
// to its boundary alone. The roots are over all agents' books, and of the
// journal's tree of as many records as the boundary says.
func (f Friday) SealOf(books *Agents, journal tree.Hash, rules int) (events.Sealed, error) {
	cases, rows := books.Counts()
	if cases != uint64(f.Cases) || rows != uint64(f.Rows) {
		return events.Sealed{}, fmt.Errorf("sealing Friday %s: its books hold %d cases in %d rows, but its checkpoint counts %d in %d: remove the projection to have it built anew",
			f.Friday.Friday, cases, rows, f.Cases, f.Rows)
	}
	root := books.Root()
	return events.Sealed{
		Friday: f.Friday.Friday, Boundary: int(f.Boundary), TreeSize: int(f.Boundary),
		BookRoot: hex.EncodeToString(root[:]), TreeRoot: hex.EncodeToString(journal[:]),
		Cases: int(cases), Rows: int(rows), Rules: rules,
	}, nil
}

// EncodeSeal returns the event of a seal, of which every node would write the
// same bytes.
func EncodeSeal(s events.Sealed, calendar *events.Calendar) ([]byte, error) {
	return events.Event{
		ID: "seal/" + s.Friday.String(), Source: events.SourceLedger, Type: events.TypeSealed,
		Time: calendar.Cutoff(s.Friday).UTC(), Data: &s,
	}.Encode()
}

// EncodeSignature returns the event of a signature of a Friday's seal, which
// is a signed head of a tree that holds the record of the seal.
func EncodeSignature(f events.Date, signed []byte, calendar *events.Calendar) ([]byte, error) {
	sum := sha256.Sum256(signed)
	return events.Event{
		ID: "seal/" + f.String() + "/" + hex.EncodeToString(sum[:8]), Source: events.SourceLedger, Type: events.TypeSealSigned,
		Time: calendar.Cutoff(f).UTC(), Data: &events.SealSigned{Friday: f, Note: string(signed)},
	}.Encode()
}

// EncodeKeyChange returns the event of a change of the key of the seals.
func EncodeKeyChange(signed []byte, at time.Time) ([]byte, error) {
	sum := sha256.Sum256(signed)
	return events.Event{
		ID: "seal-key/" + hex.EncodeToString(sum[:8]), Source: events.SourceLedger, Type: events.TypeSealKeyChanged,
		Time: at, Data: &events.SealKeyChanged{Note: string(signed)},
	}.Encode()
}
