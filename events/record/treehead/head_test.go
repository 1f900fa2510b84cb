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
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"bookledger/events/record/merkle"
	"bookledger/events/record/treehead"
)

var update = flag.Bool("update", false, "rewrite the test vectors")

// The test vectors belong to a synthetic ledger of 1,000 records.
const (
	ledgerID     = "6b4f2c1e-0d7a-4a39-9c55-3f1d20a1b2c3"
	earlierSize  = 700
	ledgerSize   = 1000
	provenRecord = 300
)

func private(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func leaf(seq uint64) merkle.Hash {
	return merkle.Hash(bytes.Repeat([]byte{byte(seq), byte(seq >> 8)}, 16))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func keyText(origin string, n byte) string {
	return must(treehead.KeyText(origin, private(n).Public().(ed25519.PublicKey)))
}

func key(origin string, n byte) note.Verifier { return must(note.NewVerifier(keyText(origin, n))) }

func signer(origin string, n byte) note.Signer { return must(treehead.Signer(origin, private(n))) }

// testLedger is the tree of a synthetic ledger with its heads by size.
type testLedger struct {
	*merkle.Memory
	heads map[uint64]treehead.Head
}

func newTestLedger() testLedger {
	s := testLedger{merkle.NewMemory(), map[uint64]treehead.Head{}}
	for seq := uint64(1); seq <= ledgerSize; seq++ {
		s.Append(leaf(seq))
	}
	for _, size := range []uint64{0, 1, earlierSize, ledgerSize} {
		s.heads[size] = treehead.Head{Origin: treehead.Origin(ledgerID), Size: size, Root: must(s.TreeRoot(size))}
	}
	return s
}

func (s testLedger) sign(size uint64, signers ...note.Signer) []byte {
	return must(s.heads[size].Sign(signers...))
}

func (s testLedger) proof(signed []byte) []byte {
	return treehead.InclusionProof{Seq: provenRecord, Path: must(s.InclusionProof(provenRecord, ledgerSize)), Signed: signed}.Text()
}

func (s testLedger) consistency(signed []byte) []byte {
	return treehead.ConsistencyProof{From: earlierSize, Path: must(s.ConsistencyProof(earlierSize, ledgerSize)), Signed: signed}.Text()
}

// checkInclusion verifies the inclusion proof of provenRecord, and returns the head.
func checkInclusion(text []byte, key note.Verifier) (treehead.Head, error) {
	p, err := treehead.ParseInclusionProof(text)
	if err != nil {
		return treehead.Head{}, err
	}
	h, err := treehead.Open(p.Signed, key)
	if err != nil {
		return h, err
	}
	return h, merkle.CheckInclusion(p.Path, p.Seq, leaf(provenRecord), h.Size, h.Root)
}

// checkConsistency verifies the consistency proof from an earlier head, and returns
// the later head.
func checkConsistency(text []byte, from treehead.Head, key note.Verifier) (treehead.Head, error) {
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

// TestVectors checks the published formats byte for byte, and that each vector
// parses and verifies.
func TestVectors(t *testing.T) {
	s, origin := newTestLedger(), treehead.Origin(ledgerID)
	signed := s.sign(ledgerSize, signer(origin, 1), signer("witness.example", 2))
	for name, want := range map[string][]byte{
		"key.txt":                 []byte(keyText(origin, 1) + "\n"),
		"head-0.txt":              s.sign(0, signer(origin, 1)),
		"head-1.txt":              s.sign(1, signer(origin, 1)),
		"head-700.txt":            s.sign(earlierSize, signer(origin, 1)),
		"head-1000.txt":           signed,
		"record.tlog-proof":       s.proof(signed),
		"consistency-to-1000.txt": s.consistency(signed),
	} {
		golden(t, name, want)
	}
	known := must(note.NewVerifier(strings.TrimSpace(string(read(t, "key.txt")))))
	for size, want := range s.heads {
		if got, err := treehead.Open(read(t, fmt.Sprintf("head-%d.txt", size)), known); err != nil || got != want {
			t.Errorf("head of %d records: got %+v, %v", size, got, err)
		}
	}
	if h, err := checkInclusion(read(t, "record.tlog-proof"), known); err != nil || h != s.heads[ledgerSize] {
		t.Errorf("inclusion proof: got %+v, %v", h, err)
	}
	proof := read(t, "consistency-to-1000.txt")
	if h, err := checkConsistency(proof, s.heads[earlierSize], known); err != nil || h != s.heads[ledgerSize] {
		t.Errorf("consistency proof: got %+v, %v", h, err)
	}
	forked := s.heads[earlierSize]
	forked.Root[7]++
	if _, err := checkConsistency(proof, forked, known); err == nil {
		t.Error("the consistency proof verifies from a forked head")
	}
}

// TestRejectsInvalidHeads checks that each vector in testdata/refused fails with the
// error in the first word of its name.
func TestRejectsInvalidHeads(t *testing.T) {
	s, origin := newTestLedger(), treehead.Origin(ledgerID)
	signed := string(s.sign(ledgerSize, signer(origin, 1)))
	other := treehead.Head{Origin: treehead.Origin("another"), Size: ledgerSize, Root: s.heads[ledgerSize].Root}
	cut, _, _ := strings.Cut(signed, "\n\n")
	forged := func(text string) []byte { // signed, but malformed
		return must(note.Sign(&note.Note{Text: text}, signer(origin, 1)))
	}
	h := s.heads[ledgerSize]
	root := base64.StdEncoding.EncodeToString(h.Root[:])
	vectors := map[string][]byte{
		"unsigned-by-another-key.txt":    s.sign(ledgerSize, signer(origin, 3)),
		"unsigned-by-another-name.txt":   s.sign(ledgerSize, signer("witness.example", 1)),
		"unsigned-size-changed.txt":      []byte(strings.Replace(signed, "\n1000\n", "\n1001\n", 1)),
		"unsigned-origin-changed.txt":    []byte(strings.Replace(signed, "6b4f", "6b4e", 1)),
		"origin-of-another-ledger.txt":   must(other.Sign(signer(origin, 1))),
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
		kind, _, _ := strings.Cut(filepath.Base(file), "-")
		want := map[string]error{"unsigned": treehead.ErrUnsigned, "origin": treehead.ErrOrigin, "form": treehead.ErrMalformed}[kind]
		if got, err := treehead.Open(must(os.ReadFile(file)), key(origin, 1)); !errors.Is(err, want) || got != (treehead.Head{}) {
			t.Errorf("%s: %+v, %v", file, got, err)
		}
	}
}

// TestProofsHaveOneEncoding checks that a proof fails if any byte is changed,
// removed or doubled.
func TestProofsHaveOneEncoding(t *testing.T) {
	s, origin := newTestLedger(), treehead.Origin(ledgerID)
	known := key(origin, 1)
	signed := s.sign(ledgerSize, signer(origin, 1))
	check := func(what string, text []byte, passes func([]byte) error) {
		if err := passes(text); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for i := range text {
			changed := bytes.Clone(text)
			changed[i] ^= 1
			doubled := append(append(bytes.Clone(text[:i]), text[i]), text[i:]...)
			for _, wrong := range [][]byte{changed, append(bytes.Clone(text[:i]), text[i+1:]...), doubled} {
				if !bytes.Equal(wrong, text) && passes(wrong) == nil {
					t.Fatalf("%s: a change at byte %d is accepted: %q", what, i, wrong)
				}
			}
		}
	}
	check("proof", s.proof(signed), func(text []byte) error {
		_, err := checkInclusion(text, known)
		return err
	})
	check("consistency proof", s.consistency(signed), func(text []byte) error {
		_, err := checkConsistency(text, s.heads[earlierSize], known)
		return err
	})
}

// TestKeyChanges checks that the first key comes from genesis, and that only the
// current key can sign a change to another key of the ledger.
func TestKeyChanges(t *testing.T) {
	origin, public := treehead.Origin(ledgerID), private(1).Public().(ed25519.PublicKey)
	keys := must(treehead.NewKeys(ledgerID, base64.StdEncoding.EncodeToString(public)))
	handOver := func(vkey string, by note.Signer) []byte { return must(treehead.SignKeyChange(origin, vkey, by)) }
	for _, wrong := range [][]byte{
		nil, []byte("none"), handOver(keyText(origin, 2), signer(origin, 2)), handOver(keyText("another", 2), signer(origin, 1)),
		handOver("none", signer(origin, 1)), must(note.Sign(&note.Note{Text: keyText(origin, 2) + "\n"}, signer(origin, 1))),
	} {
		keys.Change(5, wrong)
	}
	keys.Change(7, handOver(keyText(origin, 2), signer(origin, 1)))
	keys.Change(9, handOver(keyText(origin, 3), signer(origin, 1)))
	if got := keys.TextsUntil(6); keys.Origin() != origin || !slices.Equal(got, []string{keyText(origin, 1)}) {
		t.Errorf("keys of %s at 6 records: got %q", keys.Origin(), got)
	}
	if got := keys.TextsUntil(10); !slices.Equal(got, []string{keyText(origin, 1), keyText(origin, 2)}) {
		t.Errorf("keys at 10 records: got %q", got)
	}
	for _, wrong := range []string{"", "none", base64.StdEncoding.EncodeToString(public[:31])} {
		if _, err := treehead.NewKeys(ledgerID, wrong); err == nil {
			t.Errorf("the key %q is accepted", wrong)
		}
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	return must(os.ReadFile(filepath.Join("testdata", name)))
}

// golden compares a file with want, or rewrites it with -update.
func golden(t testing.TB, name string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", name), want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, name); !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}
