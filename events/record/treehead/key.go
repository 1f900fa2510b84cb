package treehead

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// Key returns what checks the signatures of a ledger's key. Keys of the same
// ledger have the same name, and are told apart by their hashes.
func Key(origin string, public ed25519.PublicKey) (note.Verifier, error) {
	if len(public) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("reading a key of %s: it has %d bytes, an Ed25519 key has %d", origin, len(public), ed25519.PublicKeySize)
	}
	text, err := note.NewEd25519VerifierKey(origin, public)
	if err == nil {
		var v note.Verifier
		if v, err = note.NewVerifier(text); err == nil {
			return v, nil
		}
	}
	return nil, fmt.Errorf("reading a key of %q: %w", origin, err)
}

// genesisText returns the text of the key that the genesis of a ledger names.
func genesisText(ledgerID, sealKey string) (string, error) {
	public, err := base64.StdEncoding.Strict().DecodeString(sealKey)
	if err == nil && len(public) != ed25519.PublicKeySize {
		err = fmt.Errorf("it has %d bytes, an Ed25519 key has %d", len(public), ed25519.PublicKeySize)
	}
	if err == nil {
		var text string
		if text, err = KeyText(Origin(ledgerID), public); err == nil {
			return text, nil
		}
	}
	return "", fmt.Errorf("reading the key that genesis names: %w", err)
}

// KeyText returns a key as people hand it on, in the form of C2SP signed-note;
// note.NewVerifier reads it.
func KeyText(origin string, public ed25519.PublicKey) (string, error) {
	if len(public) != ed25519.PublicKeySize {
		return "", errors.New("writing a key: it is no Ed25519 key")
	}
	return note.NewEd25519VerifierKey(origin, public)
}

// Signer returns what signs with a ledger's key.
func Signer(origin string, private ed25519.PrivateKey) (note.Signer, error) {
	if len(private) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("signing as %s: the key has %d bytes, a private Ed25519 key has %d", origin, len(private), ed25519.PrivateKeySize)
	}
	key, err := Key(origin, private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return signer{key, private}, nil
}

type signer struct {
	note.Verifier // for name and hash
	private       ed25519.PrivateKey
}

func (s signer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.private, text), nil }
