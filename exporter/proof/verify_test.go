package proof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bookledger/events"
	"bookledger/events/record/treehead"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
)

// TestVerifies holds that a bundle of each kind verifies, under each key that
// stood behind it and with each head of the same history; and what is said.
func TestVerifies(t *testing.T) {
	for name, q := range requests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, first := bundleOf(t, name), q.Friday != 0
			for _, c := range []struct {
				key  byte
				kept string
			}{{0, ""}, {1, ""}, {2, "head.txt"}, {1, "head-before.txt"}} {
				if first && (c.key == 2 || c.kept == "head-before.txt") {
					continue
				}
				var o Options
				if c.key > 0 {
					o.Key = sample().vkey(private(c.key))
				}
				if c.kept != "" {
					o.Head = read(t, folder, c.kept)
				}
				r, err := Verify(context.Background(), folder, o)
				if err != nil || r.Agent == "" || r.Friday == 0 || r.LedgerID != ledgerID {
					t.Fatalf("%+v: %v", r, err)
				}
				said := strings.Join(append(r.Checked, r.NotProven...), "\n")
				for what, want := range map[string]bool{
					"--key": o.Key == "", "--head": o.Head == nil, "key that you gave": o.Key != "", "head of": true,
					"byte for byte": q.Kind == Whole, "rules were followed": q.Kind == Records, "upstream systems": true,
					"handed over from": !first, "no signed head of an earlier Friday": first,
				} {
					if strings.Contains(said, what) != want {
						t.Errorf("it says %q: %v in\n%s", what, !want, said)
					}
				}
			}
		})
	}
}

// TestEveryRow proves each row of a book, and the absence of rows all over its
// tree, its ends too.
func TestEveryRow(t *testing.T) {
	t.Parallel()
	b := sample().books[agentID]
	rows := checkpoint.NewRowTree(b.Rows)
	prove := func(k book.RowKey) (r rowProof) {
		folder, err := makeFrom(t, sample().text.Bytes(), filepath.Join(t.TempDir(), "bundle"), Request{Kind: Row, Case: k.CaseID, Member: k.MemberID, Year: k.Year})
		if errors.Is(err, ErrAmbiguousRow) { // without member or year there may be several
			return rowProof{Present: &present{}}
		}
		if err := errors.Join(err, verifies(folder)); err != nil {
			t.Fatal(k, err)
		}
		if r = readRow(t, folder); r.key() != k {
			t.Errorf("%v is proven as %v", k, r.key())
		}
		return r
	}
	for i := range b.Rows {
		if prove(b.Rows[i].Key()).Present == nil {
			t.Errorf("row %d is said to be absent", i)
		}
	}
	gaps := map[uint64]bool{}
	for n := 0; len(gaps) <= len(b.Rows) && n < 400; n++ {
		k := book.RowKey{CaseID: caseID(2000 + n), MemberID: "M1", Year: 2026}
		at, _ := rows.Find(checkpoint.RowKeyHash(k))
		if !gaps[at] && prove(k).Absent == nil {
			t.Errorf("%v is said to be there", k)
		}
		gaps[at] = true
	}
	if !gaps[0] || !gaps[rows.Size()] || len(gaps) < 5 {
		t.Errorf("only these gaps were seen: %v", gaps)
	}
}

// TestAnyHistory makes and checks bundles of each kind from random histories.
func TestAnyHistory(t *testing.T) {
	for range 12 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			dice := rand.New(rand.NewPCG(seed, seed))
			h := history{id: ledgerID, key: 1, wild: true, seed: seed, cases: 1 + dice.IntN(6), weeks: 1 + dice.IntN(len(fridays))}
			n := newNode(h)
			for _, q := range []Request{{Kind: Whole}, {Kind: Records}, {Kind: Row, Case: caseID(dice.IntN(6)), Member: "M1", Year: 2026}} {
				q.Agent, q.Friday = agentIDs[dice.IntN(len(agentIDs))], fridays[dice.IntN(h.weeks)]
				if r, err := Verify(context.Background(), bundleFrom(t, n, q), Options{Key: n.vkey(private(1))}); err != nil {
					t.Errorf("%+v: %v after %q", q, err, r.Checked)
				}
			}
		})
	}
}

// TestFolder holds that a bundle made twice has the same bytes, is for its owner
// alone and leaves nothing beside it; that its README tells how it is checked,
// what it does not prove and what is in it, in lines that people can read; and
// that the proof of a row has nothing of other consumers in it.
func TestFolder(t *testing.T) {
	for name, q := range requests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, again := bundleOf(t, name), bundleFrom(t, sample(), q)
			readme := string(read(t, folder, readmeFile))
			for _, want := range []string{"bookaudit verify", "--key", "personal data", "prove", "Friday, November", ledgerID} {
				if !strings.Contains(readme, want) {
					t.Errorf("the README does not speak of %q", want)
				}
			}
			for line := range strings.Lines(readme) {
				if len(line) > 101 {
					t.Errorf("the README's line %q is long", line)
				}
			}
			if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the folder is %v, %v", info.Mode(), err)
			}
			for _, file := range names(t, folder) {
				if info, err := os.Stat(filepath.Join(folder, file)); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s is %v, %v", file, info.Mode(), err)
				}
				text := read(t, folder, file)
				if !bytes.Equal(text, read(t, again, file)) {
					t.Errorf("%s made twice differs", file)
				}
				if !strings.Contains(readme, "\n"+file+" ") {
					t.Errorf("the README does not name %s", file)
				}
				for n := range 12 {
					if id := caseID(n); q.Kind == Row && bytes.Contains(text, []byte(id)) && (id != q.Case || file != rowFile) {
						t.Errorf("%s holds the case %s", file, id)
					}
				}
			}
			if siblings := names(t, filepath.Dir(again)); len(siblings) != 1 {
				t.Errorf("beside the bundle stand %v", siblings)
			}
		})
	}
}

// TestRefuses holds what evidence cannot be made of, and that nothing is left
// behind.
func TestRefuses(t *testing.T) {
	t.Parallel()
	dump := sample().text.Bytes()
	before := func(eventType string) []byte {
		at := bytes.Index(dump, []byte(`"type":"`+eventType+`"`))
		return dump[:bytes.LastIndexByte(dump[:at], '\n')+1]
	}
	later := newNode(plain)
	later.pass(20261127)
	unsealed := bytes.Clone(later.text.Bytes())
	later.keys = append(later.keys, private(9)) // which nobody handed over to
	later.seal(20261127)
	lying, early := newNode(plain), plain
	lying.pass(20261127)
	seal := lying.seals[20261127]
	seal.BookRoot = seal.TreeRoot
	lying.seals[20261127] = seal
	lying.seal(20261127)
	early.published = map[events.Date][]byte{fridays[1]: signHead(treehead.Head{Origin: sample().origin(), Size: 1 << 20}, sample().origin(), private(2))}
	for name, c := range map[string]struct {
		dump []byte
		q    Request
		want error
		says string
	}{
		"no seal":            {before("ledger.sealed.v1"), Request{Friday: fridays[0]}, ErrNotSealed, "dump the journal again"},
		"no signature":       {before("ledger.seal_signed.v1"), Request{Friday: fridays[0]}, ErrNotSealed, "no later record a signature"},
		"a Friday unsealed":  {unsealed, Request{Friday: 20261127}, ErrNotSealed, "not sealed"},
		"a foreign key":      {later.text.Bytes(), Request{Friday: 20261127}, ErrNotSealed, "no later record a signature"},
		"no Friday":          {dump, Request{Friday: 20261119}, checkpoint.ErrNoCheckpoint, "Thursday"},
		"not come":           {dump, Request{Friday: 20301122}, checkpoint.ErrNoCheckpoint, "its cutoff has not passed"},
		"nobody":             {dump, Request{Agent: "A77"}, book.ErrUnknownOwner, "A77"},
		"no id":              {dump, Request{Kind: Row, Case: "500 "}, ErrAmbiguousRow, "can have the ids"},
		"several rows":       {dump, Request{Kind: Row, Case: several}, ErrAmbiguousRow, "several rows"},
		"half of an absence": {dump, Request{Kind: Row, Case: aRow.CaseID, Member: "M9"}, ErrAmbiguousRow, "both the member and the year"},
		"no dump":            {nil, Request{}, checkpoint.ErrNoCheckpoint, ""},
		"a wrong seal":       {lying.text.Bytes(), Request{Friday: 20261127}, ErrMismatch, "book root"},
		"a head too early":   {newNode(early).text.Bytes(), Request{}, ErrMismatch, "which there were not yet"},
		"another beginning":  {renumbered(without(0))(dump), Request{}, ErrMismatch, "does not begin with the genesis"},
		"no genesis":         {dump[bytes.IndexByte(dump, '\n')+1:], Request{}, ErrMismatch, "record 2"},
	} {
		out := filepath.Join(t.TempDir(), "bundle")
		if _, err := makeFrom(t, c.dump, out, c.q); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if left := names(t, filepath.Dir(out)); len(left) != 0 {
			t.Errorf("%s: it leaves %v", name, left)
		}
	}
	folder := bundleOf(t, "whole")
	if _, err := makeFrom(t, dump, folder, Request{}); err == nil || !strings.Contains(err.Error(), "not empty") || verifies(folder) != nil {
		t.Errorf("over another bundle: %v", err)
	}
	if empty, err := makeFrom(t, dump, t.TempDir(), Request{}); err != nil || verifies(empty) != nil {
		t.Errorf("into an empty folder: %v", err)
	}
	wants(t, verifies(t.TempDir()), "holds no bundle.json")
	if err := verifies(filepath.Join(folder, "nowhere")); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrMismatch) {
		t.Errorf("no folder: %v", err)
	}
	if err := verifies(filepath.Join(folder, manifestFile)); err == nil || errors.Is(err, ErrMismatch) {
		t.Errorf("a file: %v", err)
	}
}
