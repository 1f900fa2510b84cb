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
	// sealKeyFile contains the private key that signs seals. Genesis names its public
	// key.
	sealKeyFile = "seal.key"
	// nextSealKeyFile contains the next seal key while the key is being changed.
	nextSealKeyFile = "seal.key.next"
	// ReaderFile contains the NKEY that readers use to sign in to the embedded
	// server.
	ReaderFile = "reader.nk"
)

// loadOrCreateReaderKey returns the public key of the NKEY in a file. It creates the
// file if necessary.
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
		return "", fmt.Errorf("loading or creating the readers' key: %w", err)
	}
	pair, err := nkeys.ParseDecoratedUserNKey(seed)
	if err != nil {
		return "", fmt.Errorf("%s contains no NKEY seed of a user: %w; remove the file, and the next start creates a new one", path, err)
	}
	return pair.PublicKey()
}

// signer returns a signer with the newest key of the ledger, and the file of that key.
// It returns nil if this node does not have the key: only the node that created the
// ledger has it.
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

// ErrNoKey is returned when a node does not have the newest seal key of the ledger.
var ErrNoKey = errors.New("the seal key is not in this folder")

// ChangeKey creates a new seal key and appends a record, signed by the current key,
// that names it. It returns the new public key as text and the sequence of the
// record. The projection uses the key once it has applied the record. A crash before
// the record leaves an unused key; after a crash behind it, signer finds the new key
// in nextSealKeyFile.
func (n *Node) ChangeKey(ctx context.Context, keys *treehead.Keys) (vkey string, seq uint64, err error) {
	current, file, err := n.signer(keys)
	if err == nil && current == nil {
		err = fmt.Errorf("%w: change the key on the node that has it", ErrNoKey)
	}
	if err != nil {
		return "", 0, err
	}
	key, next := filepath.Join(n.Dir, sealKeyFile), filepath.Join(n.Dir, nextSealKeyFile)
	if file == nextSealKeyFile { // an earlier change was interrupted
		if err := os.Rename(next, key); err != nil {
			return "", 0, fmt.Errorf("moving the current seal key to %s: %w", key, err)
		}
	}
	public, err := createKey(next)
	if err != nil {
		return "", 0, err
	}
	event, vkey, err := checkpoint.EncodeKeyChange(current, public, n.now().UTC())
	if err != nil {
		return "", 0, err
	}
	ack, err := n.Journal.Append(ctx, []journal.Message{{Subject: events.SubjectSeal, Body: event}})
	if err != nil {
		return "", 0, fmt.Errorf("recording the change of the seal key: %w", err)
	}
	return vkey, ack.Last, os.Rename(next, key)
}

// loadOrCreateKey returns the public key of the seal key in a file. It creates the
// file if necessary.
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
		return nil, fmt.Errorf("reading the seal key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("reading the seal key: %s contains no PEM block; restore the ledger's key, or remove the file if the ledger has no genesis yet", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the seal key in %s: %w", path, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("reading the seal key: %s contains no Ed25519 key", path)
	}
	return private, nil
}

func createKey(path string) (ed25519.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("creating the seal key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("creating the seal key: %w", err)
	}
	if err := writeDurably(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return nil, fmt.Errorf("writing the seal key: %w", err)
	}
	return public, nil
}
