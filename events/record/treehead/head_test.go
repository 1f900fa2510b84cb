package treehead_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"bookledger/events/record/merkle"
	"bookledger/events/record/treehead"
)

var update = flag.Bool("update", false, "write the test vectors anew")

// The vectors are of a made-up ledger of 1,000 records, whose leaf hashes are
// those of their sequences as text.
const (
	ledgerID = "6b4f2c1e-0d7a-4a39-9c55-3f1d20a1b2c3"
	earlier  = 700
	records  = 1000
	shown    = 300
)

func private(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func leaf(seq uint64) merkle.Hash {
	return merkle.Hash(bytes.Repeat([]byte{byte(seq), byte(seq >> 8)}, 16))
}

func key(t testing.TB, origin string, n byte) note.Verifier {
	t.Helper()
	text, err := treehead.KeyText(origin, private(n).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func signer(t testing.TB, origin string, n byte) note.Signer {
	t.Helper()
	s, err := treehead.Signer(origin, private(n))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stated is what the made-up ledger says in public.
type stated struct {
	m     *merkle.Memory
	heads map[uint64]treehead.Head
}

func state(t testing.TB) stated {
	t.Helper()
	s := stated{merkle.NewMemory(), map[uint64]treehead.Head{}}
	for seq := uint64(1); seq <= records; seq++ {
		s.m.Append(leaf(seq))
	}
	for _, size := range []uint64{0, 1, earlier, records} {
		root, err := s.m.TreeRoot(size)
		if err != nil {
			t.Fatal(err)
		}
		s.heads[size] = treehead.Head{Origin: treehead.Origin(ledgerID), Size: size, Root: root}
	}
	return s
}

func (s stated) sign(t testing.TB, size uint64, signers ...note.Signer) []byte {
	t.Helper()
	signed, err := s.heads[size].Sign(signers...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (s stated) proof(t testing.TB, signed []byte) treehead.Proof {
	t.Helper()
	path, err := s.m.Inclusion(shown, records)
	if err != nil {
		t.Fatal(err)
	}
	return treehead.Proof{Seq: shown, Path: path, Signed: signed}
}

func (s stated) consistency(t testing.TB, signed []byte) treehead.ConsistencyProof {
	t.Helper()
	path, err := s.m.Consistency(earlier, records)
	if err != nil {
		t.Fatal(err)
	}
	return treehead.ConsistencyProof{From: earlier, Path: path, Signed: signed}
}

// included checks the proof of the record that is shown, and returns the head.
func included(text []byte, key note.Verifier) (treehead.Head, error) {
	p, err := treehead.ParseProof(text)
	if err != nil {
		return treehead.Head{}, err
	}
	h, err := treehead.Open(p.Signed, key)
	if err != nil {
		return h, err
	}
	return h, merkle.CheckInclusion(p.Path, p.Seq, leaf(shown), h.Size, h.Root)
}

// consistent checks the proof that an earlier head is of the same history.
func consistent(text []byte, from treehead.Head, key note.Verifier) (treehead.Head, error) {
	p, err := treehead.ParseConsistencyProof(text)
	if err != nil {
		return treehead.Head{}, err
	}
	h, err := treehead.Open(p.Signed, key)
	if err != nil {
		return h, err
	}
	return h, merkle.CheckConsistency(p.Path, p.From, from.Root, h.Size, h.Root)
}

// TestVectors holds the published forms, byte for byte, and that each is read
// back and checked.
func TestVectors(t *testing.T) {
	s, origin := state(t), treehead.Origin(ledgerID)
	signed := s.sign(t, records, signer(t, origin, 1), signer(t, "witness.example", 2))
	text, err := treehead.KeyText(origin, private(1).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{
		"key.txt":                 []byte(text + "\n"),
		"head-0.txt":              s.sign(t, 0, signer(t, origin, 1)),
		"head-1.txt":              s.sign(t, 1, signer(t, origin, 1)),
		"head-700.txt":            s.sign(t, earlier, signer(t, origin, 1)),
		"head-1000.txt":           signed,
		"record.tlog-proof":       s.proof(t, signed).Text(),
		"consistency-to-1000.txt": s.consistency(t, signed).Text(),
	} {
		golden(t, name, want)
	}
	known, err := note.NewVerifier(strings.TrimSpace(string(read(t, "key.txt"))))
	if err != nil {
		t.Fatal(err)
	}
	for size, want := range s.heads {
		if got, err := treehead.Open(read(t, fmt.Sprintf("head-%d.txt", size)), known); err != nil || got != want {
			t.Errorf("the head of %d is read as %+v, %v", size, got, err)
		}
	}
	if h, err := included(read(t, "record.tlog-proof"), known); err != nil || h != s.heads[records] {
		t.Errorf("the proof gives %+v, %v", h, err)
	}
	proof := read(t, "consistency-to-1000.txt")
	if h, err := consistent(proof, s.heads[earlier], known); err != nil || h != s.heads[records] {
		t.Errorf("the consistency proof gives %+v, %v", h, err)
	}
	forked := s.heads[earlier]
	forked.Root[7]++
	if _, err := consistent(proof, forked, known); err == nil {
		t.Error("a forked history is a part of this one")
	}
}

// TestRefused holds that each vector below testdata/refused fails, with the
// error that its name begins with.
func TestRefused(t *testing.T) {
	s, origin := state(t), treehead.Origin(ledgerID)
	signed := string(s.sign(t, records, signer(t, origin, 1)))
	other := treehead.Head{Origin: treehead.Origin("another"), Size: records, Root: s.heads[records].Root}
	foreign, err := other.Sign(signer(t, origin, 1))
	if err != nil {
		t.Fatal(err)
	}
	cut, _, _ := strings.Cut(signed, "\n\n")
	forged := func(text string) []byte { // signed, though it is not in the form
		b, err := note.Sign(&note.Note{Text: text}, signer(t, origin, 1))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	h := s.heads[records]
	root := base64.StdEncoding.EncodeToString(h.Root[:])
	vectors := map[string][]byte{
		"unsigned-by-another-key.txt":    s.sign(t, records, signer(t, origin, 3)),
		"unsigned-by-another-name.txt":   s.sign(t, records, signer(t, "witness.example", 1)),
		"unsigned-size-changed.txt":      []byte(strings.Replace(signed, "\n1000\n", "\n1001\n", 1)),
		"unsigned-origin-changed.txt":    []byte(strings.Replace(signed, "6b4f", "6b4e", 1)),
		"origin-of-another-ledger.txt":   foreign,
		"form-no-signature.txt":          []byte(cut + "\n"),
		"form-empty.txt":                 {},
		"form-cut-off.txt":               []byte(signed[:len(signed)-1]),
		"form-leading-zero.txt":          forged(origin + "\n01000\n" + root + "\n"),
		"form-further-line.txt":          forged(origin + "\n1000\n" + root + "\nmore\n"),
		"form-short-root.txt":            forged(origin + "\n1000\n" + base64.StdEncoding.EncodeToString(h.Root[:31]) + "\n"),
		"form-long-root.txt":             forged(origin + "\n1000\n" + base64.StdEncoding.EncodeToString(append(h.Root[:], 0)) + "\n"),
		"form-negative-size.txt":         forged(origin + "\n-1\n" + root + "\n"),
		"form-no-root.txt":               forged(origin + "\n1000\n"),
		"form-windows-ends-of-lines.txt": []byte(strings.ReplaceAll(signed, "\n", "\r\n")),
	}
	for name, text := range vectors {
		golden(t, filepath.Join("refused", name), text)
	}
	files, err := filepath.Glob("testdata/refused/*.txt")
	if err != nil || len(files) != len(vectors) {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(filepath.Base(file), "-")
		want := map[string]error{"unsigned": treehead.ErrUnsigned, "origin": treehead.ErrOrigin, "form": treehead.ErrForm}[kind]
		if got, err := treehead.Open(text, key(t, origin, 1)); !errors.Is(err, want) || got != (treehead.Head{}) {
			t.Errorf("%s: %+v, %v", file, got, err)
		}
	}
}

// TestOneSpelling holds that no byte of a proof can be changed, left out or
// doubled without that being noticed.
func TestOneSpelling(t *testing.T) {
	s, origin := state(t), treehead.Origin(ledgerID)
	known := key(t, origin, 1)
	signed := s.sign(t, records, signer(t, origin, 1))
	check := func(what string, text []byte, passes func([]byte) error) {
		if err := passes(text); err != nil {
			t.Fatalf("the %s: %v", what, err)
		}
		for i := range text {
			changed := bytes.Clone(text)
			changed[i] ^= 1
			doubled := append(append(bytes.Clone(text[:i]), text[i]), text[i:]...)
			for _, wrong := range [][]byte{changed, append(bytes.Clone(text[:i]), text[i+1:]...), doubled} {
				if !bytes.Equal(wrong, text) && passes(wrong) == nil {
					t.Fatalf("a %s passes that is wrong at byte %d: %q", what, i, wrong)
				}
			}
		}
	}
	check("proof", s.proof(t, signed).Text(), func(text []byte) error {
		_, err := included(text, known)
		return err
	})
	check("consistency proof", s.consistency(t, signed).Text(), func(text []byte) error {
		_, err := consistent(text, s.heads[earlier], known)
		return err
	})
}

// TestGenesisKey reads the key as genesis names it, which is the first of the
// keys.
func TestGenesisKey(t *testing.T) {
	public := private(1).Public().(ed25519.PublicKey)
	keys, err := treehead.NewKeys(ledgerID, base64.StdEncoding.EncodeToString(public))
	if err != nil {
		t.Fatal(err)
	}
	if v, want := keys.At(1), key(t, treehead.Origin(ledgerID), 1); v.KeyHash() != want.KeyHash() || v.Name() != want.Name() || keys.Origin() != want.Name() {
		t.Errorf("the key is %v", v)
	}
	for _, wrong := range []string{"", "none", base64.StdEncoding.EncodeToString(public[:31])} {
		if _, err := treehead.NewKeys(ledgerID, wrong); err == nil {
			t.Errorf("%q is taken for a key", wrong)
		}
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// golden compares with a file, or with -update writes it.
func golden(t testing.TB, name string, want []byte) {
	t.Helper()
	if *update {
		path := filepath.Join("testdata", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, name); !bytes.Equal(got, want) {
		t.Errorf("%s holds\n%s\nwant\n%s", name, got, want)
	}
}
