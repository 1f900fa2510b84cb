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

// Head is a tree head of the journal.
type Head struct {
	Origin string // identifies the ledger; see the function Origin
	Size   uint64 // number of records
	Root   merkle.Hash
}

var (
	// ErrMalformed is returned when a text is not a signed tree head or proof in
	// the one accepted encoding.
	ErrMalformed = errors.New("not a well-formed signed tree head or proof")
	// ErrUnsigned is returned when a head has no signature by the key, or a
	// signature that does not match.
	ErrUnsigned = errors.New("not signed by the ledger's key")
	// ErrOrigin is returned when a head belongs to another ledger.
	ErrOrigin = errors.New("of another ledger")
)

// Origin returns the origin of a ledger, which is also the name of its keys.
// It looks like a URL without a scheme, as C2SP recommends, but contains no host
// name, because a ledger may move between hosts. The ledger id is unique, is
// part of the first record, and never changes.
func Origin(ledgerID string) string { return "bookledger/" + ledgerID }

// Text returns the text that is signed.
func (h Head) Text() string {
	return string(log.Checkpoint{Origin: h.Origin, Size: h.Size, Hash: h.Root[:]}.Marshal())
}

// parse parses the output of Text.
func parse(text string) (Head, error) {
	var c log.Checkpoint
	if _, err := c.Unmarshal([]byte(text)); err != nil {
		return Head{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	h := Head{Origin: c.Origin, Size: c.Size}
	if copy(h.Root[:], c.Hash) != len(c.Hash) || h.Text() != text {
		return Head{}, fmt.Errorf("%w: the head has leading zeros, extra lines, or a root that is not 32 bytes", ErrMalformed)
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

// Open verifies the signature by key and returns the head. The head must belong
// to the ledger in the key's name. Open ignores signatures by other keys. It
// returns ErrMalformed, ErrUnsigned or ErrOrigin.
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
			return Head{}, fmt.Errorf("%w: a signature is not in canonical base64", ErrMalformed)
		}
	}
	h, err := parse(n.Text)
	if err != nil {
		return Head{}, err
	}
	if h.Origin != key.Name() {
		return Head{}, fmt.Errorf("the tree head is %w: its origin is %q, want %q", ErrOrigin, h.Origin, key.Name())
	}
	return h, nil
}

// OpenUnverified returns the head without verifying any signature. It returns
// ErrMalformed if the head has no signature.
func OpenUnverified(signed []byte) (Head, error) {
	text, signatures, found := bytes.Cut(signed, []byte("\n\n"))
	if !found || len(signatures) == 0 {
		return Head{}, fmt.Errorf("%w: the head has no signature", ErrMalformed)
	}
	return parse(string(text) + "\n")
}
