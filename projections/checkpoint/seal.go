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

// ErrSealMismatch is returned when a seal, or a head that the ledger's key has
// signed, stands in the record and is not what the same record makes: one of
// the two was changed, and the ledger is not to be trusted until it is known
// which.
var ErrSealMismatch = errors.New("a seal differs from what the record makes")

// SealReader is a ledger at one moment, with the seals in it.
type SealReader interface {
	Position() uint64 // of the newest record
	// TreeRoot returns the root of the first size records.
	TreeRoot(size uint64) ([32]byte, error)
	Checkpoints() ([]Checkpoint, error) // the earliest first
	// Seal returns the seal of a Friday, the signatures that name it, unchecked,
	// and whether there is one.
	Seal(f events.Date) (Seal, []Signature, bool, error)
	// Keys returns the keys of the seals.
	Keys() (*treehead.Keys, error)
}

// Compare compares the seal of the Friday that stands in the record, and the
// heads that the ledger's key has signed for it, with the ledger: roots of the
// tree and counts, but not the root of the books, which takes a pass over all of
// them. It reports whether one of the heads holds the seal, and returns ErrDiffers
// where something is another.
func (f Checkpoint) Compare(s Seal, signatures []Signature, l SealReader) (signed bool, err error) {
	root, err := l.TreeRoot(f.Boundary)
	if err != nil {
		return false, err
	}
	made := s.Sealed
	made.Boundary, made.TreeSize, made.TreeRoot = int(f.Boundary), int(f.Boundary), hex.EncodeToString(root[:])
	made.Cases, made.Rows = int(f.Cases), int(f.Rows)
	if made != s.Sealed {
		return false, fmt.Errorf("comparing the seal of Friday %s, record %d: %w: %s", s.Friday, s.Seq, ErrSealMismatch, FirstDifference(s.Sealed, made))
	}
	keys, err := l.Keys()
	if err != nil {
		return false, err
	}
	for _, one := range signatures {
		h, err := keys.Open([]byte(one.Note))
		if err != nil || h.Size > l.Position() {
			continue // somebody else's
		}
		root, err := l.TreeRoot(h.Size)
		if err != nil {
			return false, err
		}
		if root != h.Root {
			return false, fmt.Errorf("comparing the signatures of Friday %s: %w: record %d holds a head that the ledger's key has signed, of %d records with another root", s.Friday, ErrSealMismatch, one.Seq, h.Size)
		}
		signed = signed || h.Size >= s.Seq
	}
	return signed, nil
}

// CompareSeals compares every seal that stands, and every head that the
// ledger's key has signed, with the tree of what was applied. It returns
// ErrDiffers where one is another.
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

// FirstDifference names what differs first between a seal that stands and the one
// that was made; roots and counts are of nobody.
func FirstDifference(stands, made events.Sealed) string {
	for _, d := range [...]struct {
		name         string
		stands, made any
	}{
		{"boundary", stands.Boundary, made.Boundary}, {"tree size", stands.TreeSize, made.TreeSize},
		{"tree root", stands.TreeRoot, made.TreeRoot}, {"number of cases", stands.Cases, made.Cases},
		{"number of rows", stands.Rows, made.Rows}, {"book root", stands.BookRoot, made.BookRoot},
	} {
		if d.stands != d.made {
			return fmt.Sprintf("it says that the %s is %v, but it is %v", d.name, d.stands, d.made)
		}
	}
	return fmt.Sprintf("it says rules %d, but they are %d", stands.Rules, made.Rules)
}

// SealOf returns what the seal of the Friday says: a function of the record up
// to its boundary alone. The roots are over all agents' books, and of the
// journal's tree of as many records as the boundary says.
func (f Checkpoint) SealOf(books *AgentTree, journal merkle.Hash, rules int) (events.Sealed, error) {
	cases, rows := books.Counts()
	if cases != uint64(f.Cases) || rows != uint64(f.Rows) {
		return events.Sealed{}, fmt.Errorf("sealing Friday %s: its books hold %d cases in %d rows, but its checkpoint counts %d in %d: remove the projection to have it built anew",
			f.Friday, cases, rows, f.Cases, f.Rows)
	}
	root := books.Root()
	return events.Sealed{
		Friday: f.Friday, Boundary: int(f.Boundary), TreeSize: int(f.Boundary),
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

// EncodeKeyChange returns the event with which the present key of the seals hands over
// to another, and the text of that one.
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
