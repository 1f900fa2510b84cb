package treehead

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"

	"bookledger/events/record/merkle"
)

// Head is the head of a journal's tree.
type Head struct {
	Origin string // of which ledger
	Size   uint64 // records
	Root   merkle.Hash
}

var (
	// ErrMalformed is returned for what is no head or proof, or one in another
	// spelling.
	ErrMalformed = errors.New("not in the form of a signed head")
	// ErrUnsigned is returned for a head that the key has not signed, or whose
	// signature does not fit it.
	ErrUnsigned = errors.New("not signed by the ledger's key")
	// ErrOrigin is returned for a head that belongs to another ledger.
	ErrOrigin = errors.New("of another ledger")
)

// Origin returns the origin of a ledger, which is also the name of its keys.
// It looks like a URL without a scheme, as C2SP recommends, but names no host:
// a ledger has no domain of its own and may move from one host to another,
// while its id is unique, stands in its first record and never changes.
func Origin(ledgerID string) string { return "bookledger/" + ledgerID }

// Text returns the head as it is signed.
func (h Head) Text() string {
	return string(log.Checkpoint{Origin: h.Origin, Size: h.Size, Hash: h.Root[:]}.Marshal())
}

// parse reads what Text has written.
func parse(text string) (Head, error) {
	var c log.Checkpoint
	if _, err := c.Unmarshal([]byte(text)); err != nil {
		return Head{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	h := Head{Origin: c.Origin, Size: c.Size}
	if copy(h.Root[:], c.Hash) != len(c.Hash) || h.Text() != text {
		return Head{}, fmt.Errorf("%w: it has leading zeroes, further lines, or a root that is not 32 bytes", ErrMalformed)
	}
	return h, nil
}

// Sign returns the head with the signatures of all signers.
func (h Head) Sign(signers ...note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: h.Text()}, signers...)
	if err != nil {
		return nil, fmt.Errorf("signing the head of %d records: %w", h.Size, err)
	}
	return signed, nil
}

// Open returns the head that is under a signature of key, which must be of the
// ledger that key is named by. Signatures of other keys are passed over; one of
// key that does not fit fails it all.
func Open(signed []byte, key note.Verifier) (Head, error) {
	n, err := note.Open(signed, note.VerifierList(key))
	var wrong *note.InvalidSignatureError
	var unknown *note.UnverifiedNoteError
	switch {
	case errors.As(err, &wrong), errors.As(err, &unknown):
		return Head{}, fmt.Errorf("%w: %w", ErrUnsigned, err)
	case err != nil:
		return Head{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	for _, s := range n.Sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return Head{}, fmt.Errorf("%w: a signature is written otherwise than it must be", ErrMalformed)
		}
	}
	h, err := parse(n.Text)
	if err != nil {
		return Head{}, err
	}
	if h.Origin != key.Name() {
		return Head{}, fmt.Errorf("the head is %w: %q, and not %q", ErrOrigin, h.Origin, key.Name())
	}
	return h, nil
}

// OpenUnverified returns the head that is under some signatures, without checking
// any.
func OpenUnverified(signed []byte) (Head, error) {
	text, signatures, found := bytes.Cut(signed, []byte("\n\n"))
	if !found || len(signatures) == 0 {
		return Head{}, fmt.Errorf("%w: it has no signature", ErrMalformed)
	}
	return parse(string(text) + "\n")
}
