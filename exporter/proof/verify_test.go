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

// TestVerifies checks that a bundle of each kind verifies with each key of the ledger and
// with each trusted head of the same history, and checks the sentences of the report.
func TestVerifies(t *testing.T) {
	for name, q := range bundleRequests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, firstFriday := cachedBundle(t, name), q.Friday != 0
			for _, c := range []struct {
				key  byte
				head string
			}{{0, ""}, {1, ""}, {2, "head.txt"}, {1, "head-before.txt"}} {
				if firstFriday && (c.key == 2 || c.head == "head-before.txt") {
					continue
				}
				var o Options
				if c.key > 0 {
					o.Key = sampleLedger().keyText(privateKey(c.key))
				}
				if c.head != "" {
					o.Head = readFile(t, folder, c.head)
				}
				r, err := Verify(context.Background(), folder, o)
				if err != nil || r.Agent == "" || r.Friday == 0 || r.LedgerID != ledgerID {
					t.Fatalf("got report %+v, error %v", r, err)
				}
				report := strings.Join(append(r.Checked, r.NotProven...), "\n")
				for what, want := range map[string]bool{
					"--key": o.Key == "", "--head": o.Head == nil, "key that you gave": o.Key != "", "head of": true,
					"byte for byte": q.Kind == Whole, "by the ledger's rules": q.Kind == Records, "upstream systems": true,
					"Changes of the ledger's key since genesis": !firstFriday, "not compared with a signed tree head of an earlier Friday": firstFriday,
				} {
					if strings.Contains(report, what) != want {
						t.Errorf("report contains %q: %v, want %v:\n%s", what, !want, want, report)
					}
				}
			}
		})
	}
}

// TestEveryRow proves each row of a book, and absences in all gaps of its tree, including
// both ends.
func TestEveryRow(t *testing.T) {
	t.Parallel()
	b := sampleLedger().books[testAgent]
	rows := checkpoint.NewRowTree(b.Rows)
	prove := func(k book.RowKey) (r rowProof) {
		folder, err := makeFromDump(t, sampleLedger().text.Bytes(), filepath.Join(t.TempDir(), "bundle"), Request{Kind: Row, Case: k.CaseID, Member: k.MemberID, Year: k.Year})
		if errors.Is(err, ErrAmbiguousRow) { // a row without member or year may not be the case's only one
			return rowProof{Present: &presentRow{}}
		}
		if err := errors.Join(err, verifyError(folder)); err != nil {
			t.Fatal(k, err)
		}
		if r = readRow(t, folder); r.key() != k {
			t.Errorf("proof has key %v, want %v", r.key(), k)
		}
		return r
	}
	for i := range b.Rows {
		if prove(b.Rows[i].Key()).Present == nil {
			t.Errorf("got proof that row %d is absent, want present", i)
		}
	}
	gaps := map[uint64]bool{}
	for n := 0; len(gaps) <= len(b.Rows) && n < 400; n++ {
		k := book.RowKey{CaseID: caseID(2000 + n), MemberID: "M1", Year: 2026}
		at, _ := rows.Find(checkpoint.RowKeyHash(k))
		if !gaps[at] && prove(k).Absent == nil {
			t.Errorf("got proof that %v is present, want absent", k)
		}
		gaps[at] = true
	}
	if !gaps[0] || !gaps[rows.Size()] || len(gaps) < 5 {
		t.Errorf("got absences in gaps %v only, want both ends and at least 5 gaps", gaps)
	}
}

// TestRandomHistories makes and checks bundles of each kind from random histories.
func TestRandomHistories(t *testing.T) {
	for range 12 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			dice := rand.New(rand.NewPCG(seed, seed))
			h := history{id: ledgerID, key: 1, wild: true, seed: seed, cases: 1 + dice.IntN(6), weeks: 1 + dice.IntN(len(fridays))}
			n := newTestLedger(h)
			for _, q := range []Request{{Kind: Whole}, {Kind: Records}, {Kind: Row, Case: caseID(dice.IntN(6)), Member: "M1", Year: 2026}} {
				q.Agent, q.Friday = testAgents[dice.IntN(len(testAgents))], fridays[dice.IntN(h.weeks)]
				if r, err := Verify(context.Background(), makeBundle(t, n, q), Options{Key: n.keyText(privateKey(1))}); err != nil {
					t.Errorf("%+v: %v after %q", q, err, r.Checked)
				}
			}
		})
	}
}

// TestBundleFolder checks that a bundle made again has the same bytes, that only its owner
// can read it, and that no temporary files remain. Its README must explain the check,
// what is not proven and each file, in short lines. A bundle about a row must contain
// nothing about other consumers.
func TestBundleFolder(t *testing.T) {
	for name, q := range bundleRequests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, again := cachedBundle(t, name), makeBundle(t, sampleLedger(), q)
			readme := string(readFile(t, folder, readmeFile))
			for _, want := range []string{"bookaudit verify", "--key", "personal data", "prove", "Friday, November", ledgerID} {
				if !strings.Contains(readme, want) {
					t.Errorf("README does not contain %q", want)
				}
			}
			for line := range strings.Lines(readme) {
				if len(line) > 101 {
					t.Errorf("README line %q has %d bytes, want at most 101", line, len(line))
				}
			}
			if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("folder has mode %v (error %v), want 0700", info.Mode(), err)
			}
			for _, file := range fileNames(t, folder) {
				if info, err := os.Stat(filepath.Join(folder, file)); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s has mode %v (error %v), want 0600", file, info.Mode(), err)
				}
				text := readFile(t, folder, file)
				if !bytes.Equal(text, readFile(t, again, file)) {
					t.Errorf("%s has other bytes when made again", file)
				}
				if !strings.Contains(readme, "\n"+file+" ") {
					t.Errorf("README does not list %s", file)
				}
				for n := range 12 {
					if id := caseID(n); q.Kind == Row && bytes.Contains(text, []byte(id)) && (id != q.Case || file != rowFile) {
						t.Errorf("%s contains case %s, want only the row's own case in %s", file, id, rowFile)
					}
				}
			}
			if siblings := fileNames(t, filepath.Dir(again)); len(siblings) != 1 {
				t.Errorf("got files %v, want only the bundle", siblings)
			}
		})
	}
}

// TestMakeErrors checks the requests and dumps that Make refuses, and that it then leaves
// no files. It also checks folders that Verify cannot read.
func TestMakeErrors(t *testing.T) {
	t.Parallel()
	dump := sampleLedger().text.Bytes()
	before := func(eventType string) []byte {
		at := bytes.Index(dump, []byte(`"type":"`+eventType+`"`))
		return dump[:bytes.LastIndexByte(dump[:at], '\n')+1]
	}
	later := newTestLedger(plainHistory)
	later.passCutoff(20261127)
	unsealed := bytes.Clone(later.text.Bytes())
	later.keys = append(later.keys, privateKey(9)) // without a key change in the journal
	later.seal(20261127)
	falseSeal, early := newTestLedger(plainHistory), plainHistory
	falseSeal.passCutoff(20261127)
	seal := falseSeal.seals[20261127]
	seal.BookRoot = seal.TreeRoot
	falseSeal.seals[20261127] = seal
	falseSeal.seal(20261127)
	early.published = map[events.Date][]byte{fridays[1]: signHead(treehead.Head{Origin: sampleLedger().origin(), Size: 1 << 20}, sampleLedger().origin(), privateKey(2))}
	for name, c := range map[string]struct {
		dump []byte
		q    Request
		want error
		text string
	}{
		"no seal":              {before("ledger.sealed.v1"), Request{Friday: fridays[0]}, ErrNotSealed, "dump the journal again"},
		"no signature":         {before("ledger.seal_signed.v1"), Request{Friday: fridays[0]}, ErrNotSealed, "no later record contains a signature"},
		"a Friday unsealed":    {unsealed, Request{Friday: 20261127}, ErrNotSealed, "not sealed"},
		"a foreign key":        {later.text.Bytes(), Request{Friday: 20261127}, ErrNotSealed, "no later record contains a signature"},
		"no Friday":            {dump, Request{Friday: 20261119}, checkpoint.ErrNoCheckpoint, "Thursday"},
		"a future Friday":      {dump, Request{Friday: 20301122}, checkpoint.ErrNoCheckpoint, "cutoff has not passed"},
		"no such agent":        {dump, Request{Agent: "A77"}, book.ErrUnknownOwner, "A77"},
		"an invalid id":        {dump, Request{Kind: Row, Case: "500 "}, ErrAmbiguousRow, "not a valid id"},
		"several rows":         {dump, Request{Kind: Row, Case: multiRowCase}, ErrAmbiguousRow, "several rows"},
		"half of an absence":   {dump, Request{Kind: Row, Case: coveredRow.CaseID, Member: "M9"}, ErrAmbiguousRow, "both the member and the year"},
		"no dump":              {nil, Request{}, checkpoint.ErrNoCheckpoint, ""},
		"a wrong seal":         {falseSeal.text.Bytes(), Request{Friday: 20261127}, ErrMismatch, "book root"},
		"a head too early":     {newTestLedger(early).text.Bytes(), Request{}, ErrMismatch, "more than there were at that point"},
		"another first record": {renumber(withoutLine(0))(dump), Request{}, ErrMismatch, "does not begin with the genesis"},
		"no genesis":           {dump[bytes.IndexByte(dump, '\n')+1:], Request{}, ErrMismatch, "record 2"},
	} {
		out := filepath.Join(t.TempDir(), "bundle")
		if _, err := makeFromDump(t, c.dump, out, c.q); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got error %v, want %v with %q", name, err, c.want, c.text)
		}
		if left := fileNames(t, filepath.Dir(out)); len(left) != 0 {
			t.Errorf("%s: left files %v, want none", name, left)
		}
	}
	folder := cachedBundle(t, "whole")
	if _, err := makeFromDump(t, dump, folder, Request{}); err == nil || !strings.Contains(err.Error(), "not empty") || verifyError(folder) != nil {
		t.Errorf("over another bundle: got error %v, want \"not empty\" and an intact bundle", err)
	}
	if empty, err := makeFromDump(t, dump, t.TempDir(), Request{}); err != nil || verifyError(empty) != nil {
		t.Errorf("into an empty folder: got error %v", err)
	}
	wantMismatch(t, verifyError(t.TempDir()), "contains no bundle.json")
	if err := verifyError(filepath.Join(folder, "nowhere")); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrMismatch) {
		t.Errorf("no folder: got error %v, want fs.ErrNotExist", err)
	}
	if err := verifyError(filepath.Join(folder, manifestFile)); err == nil || errors.Is(err, ErrMismatch) {
		t.Errorf("a file instead of a folder: got error %v, want one other than ErrMismatch", err)
	}
}
