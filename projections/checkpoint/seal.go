package checkpoint

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"bookledger/events"
	"bookledger/events/record/merkle"
	"bookledger/events/record/treehead"
)

// Seal is the recorded seal of a Friday.
type Seal struct {
	Seq uint64 `json:"seq"`
	events.Sealed
}

// Signature is a recorded signature of a Friday's seal.
type Signature struct {
	Seq uint64 `json:"seq"`
	events.SealSigned
}

// KeyChange is a recorded change of the key that signs seals.
type KeyChange struct {
	Seq  uint64
	Note string
}

// ErrSealMismatch is returned when a recorded seal, or a head signed with the
// ledger's key, contradicts the journal. One of the two was changed. Do not
// trust the ledger until it is known which.
var ErrSealMismatch = errors.New("a seal differs from the journal")

// SealReader is a ledger at one moment, with its seals.
type SealReader interface {
	Position() uint64 // sequence of the newest record
	// TreeRoot returns the root of the first size records.
	TreeRoot(size uint64) ([32]byte, error)
	Checkpoints() ([]Checkpoint, error) // the earliest first
	// Seal returns the seal of a Friday, the signatures that name it, which are
	// not verified, and whether the Friday is sealed.
	Seal(f events.Date) (Seal, []Signature, bool, error)
	// Keys returns the keys that sign seals.
	Keys() (*treehead.Keys, error)
}

// Compare compares the recorded seal of a Friday, and the heads that the
// ledger's key signed for it, with the ledger. It compares roots of the tree
// and counts, but not the root of the books, which takes a pass over all books.
// It reports whether one of the heads covers the seal. It returns
// ErrSealMismatch if something differs.
func (f Checkpoint) Compare(s Seal, signatures []Signature, l SealReader) (signed bool, err error) {
	root, err := l.TreeRoot(f.Boundary)
	if err != nil {
		return false, err
	}
	want := s.Sealed
	want.Boundary, want.TreeSize, want.TreeRoot = int(f.Boundary), int(f.Boundary), hex.EncodeToString(root[:])
	want.Cases, want.Rows = int(f.Cases), int(f.Rows)
	if want != s.Sealed {
		return false, fmt.Errorf("comparing the seal of Friday %s, record %d: %w: %s", s.Friday, s.Seq, ErrSealMismatch, FirstDifference(s.Sealed, want))
	}
	keys, err := l.Keys()
	if err != nil {
		return false, err
	}
	for _, one := range signatures {
		h, err := keys.Open([]byte(one.Note))
		if err != nil || h.Size > l.Position() {
			continue // not signed with the ledger's key, or newer than l
		}
		root, err := l.TreeRoot(h.Size)
		if err != nil {
			return false, err
		}
		if root != h.Root {
			return false, fmt.Errorf("comparing the signatures of Friday %s: %w: the head in record %d, signed with the ledger's key, covers %d records but has another root", s.Friday, ErrSealMismatch, one.Seq, h.Size)
		}
		signed = signed || h.Size >= s.Seq
	}
	return signed, nil
}

// CompareSeals compares every recorded seal, and every head signed with the
// ledger's key, with the applied records. It returns ErrSealMismatch if one
// differs.
func CompareSeals(l SealReader) error {
	all, err := l.Checkpoints()
	if err != nil {
		return err
	}
	for _, c := range all {
		seal, signatures, sealed, err := l.Seal(c.Friday)
		if err == nil && sealed {
			_, err = c.Compare(seal, signatures, l)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// FirstDifference describes the first field in which a recorded seal differs
// from the computed one. The values are roots and counts, so the text contains
// no personal data.
func FirstDifference(recorded, computed events.Sealed) string {
	for _, d := range [...]struct {
		name               string
		recorded, computed any
	}{
		{"boundary", recorded.Boundary, computed.Boundary}, {"tree size", recorded.TreeSize, computed.TreeSize},
		{"tree root", recorded.TreeRoot, computed.TreeRoot}, {"number of cases", recorded.Cases, computed.Cases},
		{"number of rows", recorded.Rows, computed.Rows}, {"book root", recorded.BookRoot, computed.BookRoot},
	} {
		if d.recorded != d.computed {
			return fmt.Sprintf("the seal says %s %v, want %v", d.name, d.recorded, d.computed)
		}
	}
	return fmt.Sprintf("the seal says rules %d, want %d", recorded.Rules, computed.Rules)
}

// SealOf returns the seal of the Friday. It depends only on the journal up to
// the Friday's boundary. books is the tree over all books, and journal is the
// root of the journal's tree at the boundary.
func (f Checkpoint) SealOf(books *AgentTree, journal merkle.Hash, rules int) (events.Sealed, error) {
	cases, rows := books.Counts()
	if cases != uint64(f.Cases) || rows != uint64(f.Rows) {
		return events.Sealed{}, fmt.Errorf("sealing Friday %s: its books have %d cases and %d rows, but its checkpoint counted %d and %d: delete the projection folder to rebuild it",
			f.Friday, cases, rows, f.Cases, f.Rows)
	}
	root := books.Root()
	return events.Sealed{
		Friday: f.Friday, Boundary: int(f.Boundary), TreeSize: int(f.Boundary),
		BookRoot: hex.EncodeToString(root[:]), TreeRoot: hex.EncodeToString(journal[:]),
		Cases: int(cases), Rows: int(rows), Rules: rules,
	}, nil
}

// EncodeSeal returns the event of a seal. Every node encodes the same bytes.
func EncodeSeal(s events.Sealed, calendar *events.Calendar) ([]byte, error) {
	return events.Event{
		ID: "seal/" + s.Friday.String(), Source: events.SourceLedger, Type: events.TypeSealed,
		Time: calendar.Cutoff(s.Friday).UTC(), Data: &s,
	}.Encode()
}

// EncodeSignature returns the event that records a signature of a Friday's
// seal. signed is a signed head of a tree that includes the seal's record.
func EncodeSignature(f events.Date, signed []byte, calendar *events.Calendar) ([]byte, error) {
	sum := sha256.Sum256(signed)
	return events.Event{
		ID: "seal/" + f.String() + "/" + hex.EncodeToString(sum[:8]), Source: events.SourceLedger, Type: events.TypeSealSigned,
		Time: calendar.Cutoff(f).UTC(), Data: &events.SealSigned{Friday: f, Note: string(signed)},
	}.Encode()
}

// EncodeKeyChange returns the event with which the present key hands signing
// over to another key, and the text form of that key.
func EncodeKeyChange(present note.Signer, to ed25519.PublicKey, at time.Time) (event []byte, vkey string, err error) {
	origin := present.Name()
	if vkey, err = treehead.KeyText(origin, to); err != nil {
		return nil, "", err
	}
	signed, err := treehead.SignKeyChange(origin, vkey, present)
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(signed)
	event, err = events.Event{
		ID: "seal-key/" + hex.EncodeToString(sum[:8]), Source: events.SourceLedger, Type: events.TypeSealKeyChanged,
		Time: at, Data: &events.SealKeyChanged{Note: string(signed)},
	}.Encode()
	return event, vkey, err
}
