package treehead

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Keys are the keys of a ledger, each of which was handed over by the one
// before it. A head is signed by the key that stood when the journal had its
// size.
type Keys struct {
	origin string
	from   []uint64 // the record that named the key; 1 for that of genesis
	keys   []note.Verifier
	texts  []string // of the same, as KeyText writes them
}

// NewKeys returns the keys of a ledger that has had no key but that of its
// genesis.
func NewKeys(ledgerID, sealKey string) (*Keys, error) {
	text, err := genesisText(ledgerID, sealKey)
	if err != nil {
		return nil, err
	}
	key, err := note.NewVerifier(text)
	if err != nil {
		return nil, fmt.Errorf("reading the key that genesis names: %w", err)
	}
	return &Keys{Origin(ledgerID), []uint64{1}, []note.Verifier{key}, []string{text}}, nil
}

// ErrHandOver is of a change of the key that the key before it has not signed.
var ErrHandOver = errors.New("the key before it has not signed it")

// Change takes in that record seq has changed the key. It returns ErrHandOver,
// and leaves the keys as they were, where the note does not say so.
func (k *Keys) Change(seq uint64, signed []byte) error {
	key, text, err := openChange(signed, k.Current())
	if err != nil {
		return fmt.Errorf("changing the key of the seals by record %d: %w", seq, err)
	}
	k.from, k.keys, k.texts = append(k.from, seq), append(k.keys, key), append(k.texts, text)
	return nil
}

// Current returns the newest key.
func (k *Keys) Current() note.Verifier { return k.keys[len(k.keys)-1] }

// At returns the key by which a head of that many records is to be signed.
func (k *Keys) At(size uint64) note.Verifier {
	key := k.keys[0]
	for i, from := range k.from {
		if from <= size {
			key = k.keys[i]
		}
	}
	return key
}

// Open returns the head of the ledger that is under a signature of the key that
// stood when the journal had its size, and the signatures that were checked, as
// Open of the package does.
func (k *Keys) Open(signed []byte, others ...note.Verifier) (Head, []note.Signature, error) {
	h, err := Unverified(signed)
	if err != nil {
		return Head{}, nil, err
	}
	return Open(signed, k.At(h.Size), others...)
}

// Until returns the texts, as KeyText writes them, of the keys that stood one
// after the other until the journal had that many records; by the last of them
// a head of that size is to be signed.
func (k *Keys) Until(size uint64) []string {
	n := 1
	for n < len(k.from) && k.from[n] <= size {
		n++
	}
	return slices.Clone(k.texts[:n])
}

// Origin is that of the ledger.
func (k *Keys) Origin() string { return k.origin }

// changeText is what is signed when the key of a ledger changes to the one of
// which vkey is the text.
func changeText(origin, vkey string) string { return origin + " seal key\n" + vkey + "\n" }

// SignChange returns the note by which the present key hands over to the one
// of which vkey is the text, as KeyText writes it.
func SignChange(origin, vkey string, present note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: changeText(origin, vkey)}, present)
	if err != nil {
		return nil, fmt.Errorf("signing the change of the key of %s: %w", origin, err)
	}
	return signed, nil
}

// openChange returns the key to which the present one hands over, and its text.
func openChange(signed []byte, present note.Verifier) (note.Verifier, string, error) {
	n, err := note.Open(signed, note.VerifierList(present))
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrHandOver, err)
	}
	vkey, _ := strings.CutPrefix(n.Text, present.Name()+" seal key\n")
	vkey = strings.TrimSuffix(vkey, "\n")
	key, err := note.NewVerifier(vkey)
	if err != nil || key.Name() != present.Name() || changeText(present.Name(), vkey) != n.Text {
		return nil, "", fmt.Errorf("%w: it names no key of %s", ErrHandOver, present.Name())
	}
	return key, vkey, nil
}
