package node

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"
	"golang.org/x/mod/sumdb/note"

	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record/treehead"
	"bookledger/projections/checkpoint"
)

const (
	// sealKeyFile holds the private key of the ledger's seals; genesis names the
	// public one.
	sealKeyFile = "seal.key"
	// nextSealKeyFile holds the key to which the one in keyFile hands over, from
	// before that is recorded until after it.
	nextSealKeyFile = "seal.key.next"
	// ReaderFile holds the NKEY with which readers sign in at the embedded
	// server's listener.
	ReaderFile = "reader.nk"
)

// loadOrCreateReaderKey returns the public half of the NKEY in a file, which it makes where
// there is none.
func loadOrCreateReaderKey(path string) (string, error) {
	seed, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		var pair nkeys.KeyPair
		if pair, err = nkeys.CreateUser(); err == nil {
			seed, err = pair.Seed()
		}
		if err == nil {
			err = writeDurably(path, append(seed, '\n'))
		}
	}
	if err != nil {
		return "", fmt.Errorf("the readers' key: %w", err)
	}
	pair, err := nkeys.ParseDecoratedUserNKey(seed)
	if err != nil {
		return "", fmt.Errorf("%s holds no NKEY seed of a user: %w; remove the file, and a new one is made", path, err)
	}
	return pair.PublicKey()
}

// signer returns what signs as the ledger with its newest key, and the file that
// holds the key; nil where this node does not have it: the key is with the node
// that began the ledger.
func (n *Node) signer(keys *treehead.Keys) (_ note.Signer, file string, err error) {
	for _, file := range [...]string{sealKeyFile, nextSealKeyFile} {
		private, err := readKey(filepath.Join(n.Dir, file))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		signer, err := treehead.Signer(keys.Origin(), private)
		if err != nil {
			return nil, "", err
		}
		if signer.KeyHash() == keys.Current().KeyHash() {
			return signer, file, nil
		}
	}
	return nil, "", nil
}

// ErrNoKey is returned when a node does not have the ledger's newest key.
var ErrNoKey = errors.New("the key of the seals is not in this folder")

// ChangeKey makes a new key of the seals, to which the present one hands over
// in the journal, and returns its text. The projection shows that once it has
// come to the record's sequence. A crash before the record leaves a key that
// counts for nothing; one after it leaves the new key where it is found.
func (n *Node) ChangeKey(ctx context.Context, keys *treehead.Keys) (vkey string, seq uint64, err error) {
	present, at, err := n.signer(keys)
	if err == nil && present == nil {
		err = fmt.Errorf("%w: change it on the node that has it", ErrNoKey)
	}
	if err != nil {
		return "", 0, err
	}
	key, next := filepath.Join(n.Dir, sealKeyFile), filepath.Join(n.Dir, nextSealKeyFile)
	if at == nextSealKeyFile { // where a change before has left it
		if err := os.Rename(next, key); err != nil {
			return "", 0, fmt.Errorf("putting the present key of the seals in its place: %w", err)
		}
	}
	public, err := createKey(next)
	if err != nil {
		return "", 0, err
	}
	event, vkey, err := checkpoint.EncodeKeyChange(present, public, n.now().UTC())
	if err != nil {
		return "", 0, err
	}
	ack, err := n.Journal.Append(ctx, []journal.Message{{Subject: events.SubjectSeal, Body: event}})
	if err != nil {
		return "", 0, fmt.Errorf("recording the change of the key: %w", err)
	}
	return vkey, ack.Last, os.Rename(next, key)
}

// loadOrCreateKey returns the public half of the key in a file, which it makes where
// there is none.
func loadOrCreateKey(path string) (ed25519.PublicKey, error) {
	private, err := readKey(path)
	if errors.Is(err, os.ErrNotExist) {
		return createKey(path)
	}
	if err != nil {
		return nil, err
	}
	return private.Public().(ed25519.PublicKey), nil
}

func readKey(path string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key of the seals: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("reading the key of the seals: %s holds no PEM block; put the ledger's own key there, or remove the file if the ledger has no genesis yet", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the key of the seals in %s: %w", path, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("reading the key of the seals: %s holds no Ed25519 key", path)
	}
	return private, nil
}

func createKey(path string) (ed25519.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("making the key of the seals: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("making the key of the seals: %w", err)
	}
	if err := writeDurably(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return nil, fmt.Errorf("writing the key of the seals: %w", err)
	}
	return public, nil
}
