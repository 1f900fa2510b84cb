package treehead

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Keys are the keys of a ledger, each of which was handed over by the one
// before it. A head is signed by the key that stood when the journal had its
// size.
type Keys struct {
	origin string
	all    []key
}

type key struct {
	note.Verifier
	from uint64 // the record that named it; 1 for that of genesis
	text string // as KeyText writes it
}

// NewKeys returns the keys of a ledger that has had no key but that of its
// genesis.
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
		return nil, fmt.Errorf("reading the key that genesis names: %w", err)
	}
	return &Keys{Origin(ledgerID), []key{first}}, nil
}

// Change adds the key that a note in record seq names. A note that the current
// key has not signed, or that names no key of the ledger, changes nothing.
func (k *Keys) Change(seq uint64, signed []byte) {
	present := k.Current()
	n, err := note.Open(signed, note.VerifierList(present))
	if err != nil {
		return
	}
	vkey, _ := strings.CutPrefix(n.Text, present.Name()+" seal key\n")
	vkey = strings.TrimSuffix(vkey, "\n")
	next, err := note.NewVerifier(vkey)
	if err != nil || next.Name() != present.Name() || changeText(present.Name(), vkey) != n.Text {
		return
	}
	k.all = append(k.all, key{next, seq, vkey})
}

// Current returns the newest key.
func (k *Keys) Current() note.Verifier { return k.all[len(k.all)-1] }

// At returns the key that signs a head of that many records.
func (k *Keys) At(size uint64) note.Verifier {
	return k.all[len(k.TextsUntil(size))-1]
}

// Open returns the head of the ledger that is under a signature of the key that
// stood when the journal had its size, as Open of the package does.
func (k *Keys) Open(signed []byte) (Head, error) {
	h, err := OpenUnverified(signed)
	if err != nil {
		return Head{}, err
	}
	return Open(signed, k.At(h.Size))
}

// TextsUntil returns the texts, as KeyText writes them, of the keys that stood one
// after the other until the journal had that many records. The last of them signs
// a head of that size.
func (k *Keys) TextsUntil(size uint64) (texts []string) {
	for i, one := range k.all {
		if i == 0 || one.from <= size {
			texts = append(texts, one.text)
		}
	}
	return texts
}

// Origin returns the origin of the ledger.
func (k *Keys) Origin() string { return k.origin }

// changeText is what is signed when the key of a ledger changes to the one of
// which vkey is the text.
func changeText(origin, vkey string) string { return origin + " seal key\n" + vkey + "\n" }

// SignKeyChange returns the note by which the present key hands over to the one
// of which vkey is the text, as KeyText writes it.
func SignKeyChange(origin, vkey string, present note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: changeText(origin, vkey)}, present)
	if err != nil {
		return nil, fmt.Errorf("signing the change of the key of %s: %w", origin, err)
	}
	return signed, nil
}
