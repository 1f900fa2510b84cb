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

// stated is what the made-up ledger says in public.
type stated struct {
	*merkle.Memory
	heads map[uint64]treehead.Head
}

func state() stated {
	s := stated{merkle.NewMemory(), map[uint64]treehead.Head{}}
	for seq := uint64(1); seq <= records; seq++ {
		s.Append(leaf(seq))
	}
	for _, size := range []uint64{0, 1, earlier, records} {
		s.heads[size] = treehead.Head{Origin: treehead.Origin(ledgerID), Size: size, Root: must(s.TreeRoot(size))}
	}
	return s
}

func (s stated) sign(size uint64, signers ...note.Signer) []byte {
	return must(s.heads[size].Sign(signers...))
}

func (s stated) proof(signed []byte) []byte {
	return treehead.InclusionProof{Seq: shown, Path: must(s.InclusionProof(shown, records)), Signed: signed}.Text()
}

func (s stated) consistency(signed []byte) []byte {
	return treehead.ConsistencyProof{From: earlier, Path: must(s.ConsistencyProof(earlier, records)), Signed: signed}.Text()
}

// included checks the proof of the record that is shown, and returns the head.
func included(text []byte, key note.Verifier) (treehead.Head, error) {
	p, err := treehead.ParseInclusionProof(text)
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
	s, origin := state(), treehead.Origin(ledgerID)
	signed := s.sign(records, signer(origin, 1), signer("witness.example", 2))
	for name, want := range map[string][]byte{
		"key.txt":                 []byte(keyText(origin, 1) + "\n"),
		"head-0.txt":              s.sign(0, signer(origin, 1)),
		"head-1.txt":              s.sign(1, signer(origin, 1)),
		"head-700.txt":            s.sign(earlier, signer(origin, 1)),
		"head-1000.txt":           signed,
		"record.tlog-proof":       s.proof(signed),
		"consistency-to-1000.txt": s.consistency(signed),
	} {
		golden(t, name, want)
	}
	known := must(note.NewVerifier(strings.TrimSpace(string(read(t, "key.txt")))))
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
	s, origin := state(), treehead.Origin(ledgerID)
	signed := string(s.sign(records, signer(origin, 1)))
	other := treehead.Head{Origin: treehead.Origin("another"), Size: records, Root: s.heads[records].Root}
	cut, _, _ := strings.Cut(signed, "\n\n")
	forged := func(text string) []byte { // signed, though it is not in the form
		return must(note.Sign(&note.Note{Text: text}, signer(origin, 1)))
	}
	h := s.heads[records]
	root := base64.StdEncoding.EncodeToString(h.Root[:])
	vectors := map[string][]byte{
		"unsigned-by-another-key.txt":    s.sign(records, signer(origin, 3)),
		"unsigned-by-another-name.txt":   s.sign(records, signer("witness.example", 1)),
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

// TestOneSpelling holds that no byte of a proof can be changed, left out or
// doubled without that being noticed.
func TestOneSpelling(t *testing.T) {
	s, origin := state(), treehead.Origin(ledgerID)
	known := key(origin, 1)
	signed := s.sign(records, signer(origin, 1))
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
	check("proof", s.proof(signed), func(text []byte) error {
		_, err := included(text, known)
		return err
	})
	check("consistency proof", s.consistency(signed), func(text []byte) error {
		_, err := consistent(text, s.heads[earlier], known)
		return err
	})
}

// TestKeys holds that the first key is the one that genesis names, and that only
// the current key hands over to another key of the ledger.
func TestKeys(t *testing.T) {
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
		t.Errorf("the keys of %s of 6 records are %q", keys.Origin(), got)
	}
	if got := keys.TextsUntil(10); !slices.Equal(got, []string{keyText(origin, 1), keyText(origin, 2)}) {
		t.Errorf("the keys of 10 records are %q", got)
	}
	for _, wrong := range []string{"", "none", base64.StdEncoding.EncodeToString(public[:31])} {
		if _, err := treehead.NewKeys(ledgerID, wrong); err == nil {
			t.Errorf("%q is taken for a key", wrong)
		}
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	return must(os.ReadFile(filepath.Join("testdata", name)))
}

// golden compares with a file, or with -update writes it.
func golden(t testing.TB, name string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", name), want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, name); !bytes.Equal(got, want) {
		t.Errorf("%s holds\n%s\nwant\n%s", name, got, want)
	}
}
