package treehead

import (
	"crypto/ed25519"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// KeyText returns a public key as text in the format of C2SP signed-note, which
// note.NewVerifier accepts.
func KeyText(origin string, public ed25519.PublicKey) (string, error) {
	text, err := note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		return "", fmt.Errorf("encoding a key of %q: %w", origin, err)
	}
	return text, nil
}

// Signer returns a note.Signer for a ledger's private key. All keys of a ledger
// have the same name; their hashes differ.
func Signer(origin string, private ed25519.PrivateKey) (note.Signer, error) {
	if len(private) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("signing as %s: the key has %d bytes, want an Ed25519 private key of %d", origin, len(private), ed25519.PrivateKeySize)
	}
	text, err := KeyText(origin, private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	key, err := note.NewVerifier(text)
	if err != nil {
		return nil, fmt.Errorf("reading a key of %q: %w", origin, err)
	}
	return signer{key, private}, nil
}

type signer struct {
	note.Verifier // provides Name and KeyHash
	private       ed25519.PrivateKey
}

func (s signer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.private, text), nil }
