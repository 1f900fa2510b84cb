package ledger

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"bookledger/events"
	"bookledger/projections/fold"
)

// sealKeyFile holds the private key of the ledger's seals; genesis names the
// public one.
const sealKeyFile = "seal.key"

// newGenesis makes the first record of a new ledger. A crash between the
// writing of the key and genesis leaves a key that the next start uses.
func newGenesis(o Options) ([]byte, error) {
	cutoff := o.Cutoff
	if cutoff == "" {
		cutoff = events.DefaultCutoff
	}
	calendar, err := events.NewCalendarSpec(cutoff)
	if err != nil {
		return nil, err
	}
	key, err := sealKey(filepath.Join(o.Dir, sealKeyFile))
	if err != nil {
		return nil, err
	}
	return events.Event{
		ID: "genesis", Source: events.SourceLedger, Type: events.TypeGenesis, Time: time.Now().UTC(),
		Data: &events.Genesis{
			LedgerID: uuid.NewString(), Calendar: calendar, Rules: fold.RulesNumber,
			SealKey: base64.StdEncoding.EncodeToString(key),
		},
	}.Encode()
}

// sealKey returns the public half of the key in a file, which it makes where
// there is none.
func sealKey(path string) (ed25519.PublicKey, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return newSealKey(path)
	}
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
	return private.Public().(ed25519.PublicKey), nil
}

func newSealKey(path string) (ed25519.PublicKey, error) {
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

// writeDurably writes a file that is there whole or not at all, and survives a
// loss of power: genesis will name the key for good.
func writeDurably(path string, text []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
