package treehead

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Keys contains the keys of a ledger in order. Each key signed the change to the
// next. A head of n records is signed with the key that was current when the
// journal had n records.
type Keys struct {
	origin string
	keys   []key
}

type key struct {
	note.Verifier
	from uint64 // the record that introduced the key; 1 for genesis
	text string // output of KeyText
}

// NewKeys returns the keys of a ledger that still uses the key of its genesis.
// The sealKey is the public key in base64, as in genesis.
func NewKeys(ledgerID, sealKey string) (*Keys, error) {
	first := key{from: 1}
	public, err := base64.StdEncoding.Strict().DecodeString(sealKey)
	if err == nil {
		first.text, err = KeyText(Origin(ledgerID), public)
	}
	if err == nil {
		first.Verifier, err = note.NewVerifier(first.text)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the seal key in genesis: %w", err)
	}
	return &Keys{Origin(ledgerID), []key{first}}, nil
}

// Change adds the key in a signed note from record seq. It ignores a note that
// the current key did not sign, or that does not contain a key of the ledger.
func (k *Keys) Change(seq uint64, signed []byte) {
	current := k.Current()
	n, err := note.Open(signed, note.VerifierList(current))
	if err != nil {
		return
	}
	vkey, _ := strings.CutPrefix(n.Text, current.Name()+" seal key\n")
	vkey = strings.TrimSuffix(vkey, "\n")
	next, err := note.NewVerifier(vkey)
	if err != nil || next.Name() != current.Name() || keyChangeText(current.Name(), vkey) != n.Text {
		return
	}
	k.keys = append(k.keys, key{next, seq, vkey})
}

// Current returns the newest key.
func (k *Keys) Current() note.Verifier { return k.keys[len(k.keys)-1] }

// At returns the key that signs a head of size records.
func (k *Keys) At(size uint64) note.Verifier {
	return k.keys[len(k.TextsUntil(size))-1]
}

// Open returns the head if it is signed with the key for its size. Its errors
// are those of the function Open.
func (k *Keys) Open(signed []byte) (Head, error) {
	h, err := OpenUnverified(signed)
	if err != nil {
		return Head{}, err
	}
	return Open(signed, k.At(h.Size))
}

// TextsUntil returns the texts of the keys that were current up to a journal of
// size records, in order. The last one signs a head of that size.
func (k *Keys) TextsUntil(size uint64) (texts []string) {
	for i, key := range k.keys {
		if i == 0 || key.from <= size {
			texts = append(texts, key.text)
		}
	}
	return texts
}

// Origin returns the origin of the ledger.
func (k *Keys) Origin() string { return k.origin }

// keyChangeText returns the text that is signed to change the key of a ledger to
// vkey.
func keyChangeText(origin, vkey string) string { return origin + " seal key\n" + vkey + "\n" }

// SignKeyChange returns the signed note that changes the key of a ledger to
// vkey, a text that KeyText returned. The signer has the current key.
func SignKeyChange(origin, vkey string, current note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: keyChangeText(origin, vkey)}, current)
	if err != nil {
		return nil, fmt.Errorf("signing the key change of %s: %w", origin, err)
	}
	return signed, nil
}
