package proof

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"bookledger/projections/book"
)

// aRow is a row of the book of agentID as of the last Friday that has health
// coverage, and several a case with several rows in it.
var aRow, several = func() (k book.RowKey, several string) {
	rows := map[string]int{}
	for i, b := 0, sample().books[agentID]; i < len(b.Rows); i++ {
		key := b.Rows[i].Key()
		if rows[key.CaseID]++; rows[key.CaseID] > 1 {
			several = key.CaseID
		}
		if b.Rows[i].Health != nil && key.Year > 0 {
			k = key
		}
	}
	return k, several
}()

// requests are of each kind of bundle, with what their rows are; agent and
// Friday are agentID and the last one where they are not said.
var requests = map[string]Request{
	"whole":                     {Kind: Whole},
	"whole of the first Friday": {Kind: Whole, Friday: fridays[0]},
	"whole of an empty book":    {Kind: Whole, Agent: emptyID},
	"records":                   {Kind: Records},
	"records of the first":      {Kind: Records, Friday: fridays[0]},
	"records of an empty book":  {Kind: Records, Agent: emptyID},
	"row":                       {Kind: Row, Case: aRow.CaseID, Member: aRow.MemberID, Year: aRow.Year},
	"the one row of a book":     {Kind: Row, Agent: oneID, Case: caseID(900)},
	"absent":                    {Kind: Row, Case: aRow.CaseID, Member: "M9", Year: 2026},
	"absent from an empty book": {Kind: Row, Agent: emptyID, Case: caseID(900)},
	"absent from a book of one": {Kind: Row, Agent: oneID, Case: caseID(901)},
}

// made holds the bundles of requests, each of which is made once and changed by
// nobody, below a folder.
var made struct {
	sync.Mutex
	below   string
	folders map[string]string
}

func TestMain(m *testing.M) {
	made.below, made.folders = must(os.MkdirTemp("", "proof-*")), map[string]string{}
	code := m.Run()
	_ = os.RemoveAll(made.below)
	os.Exit(code)
}

func bundleOf(tb testing.TB, name string) string {
	tb.Helper()
	made.Lock()
	defer made.Unlock()
	if made.folders[name] == "" {
		q, known := requests[name]
		if !known {
			tb.Fatalf("no request %q", name)
		}
		made.folders[name] = must(makeFrom(tb, sample().text.Bytes(), filepath.Join(made.below, name, "bundle"), q))
	}
	return made.folders[name]
}

// makeFrom makes a bundle of a dump.
func makeFrom(tb testing.TB, dump []byte, out string, q Request) (string, error) {
	tb.Helper()
	q.Journal, q.Out = filepath.Join(tb.TempDir(), "dump"), out
	if q.Kind == "" {
		q.Kind = Whole
	}
	if q.Agent == "" {
		q.Agent = agentID
	}
	if q.Friday == 0 {
		q.Friday = fridays[2]
	}
	write(tb, q.Journal, dump)
	return out, Make(context.Background(), q)
}

// bundleFrom makes a bundle of another ledger than the sample.
func bundleFrom(tb testing.TB, n *node, q Request) string {
	tb.Helper()
	return must(makeFrom(tb, n.text.Bytes(), filepath.Join(tb.TempDir(), "bundle"), q))
}

func verifies(folder string) error {
	_, err := Verify(context.Background(), folder, Options{})
	return err
}

// wants holds that an error is ErrDiffers and names one of what may be said.
func wants(tb testing.TB, err error, what ...string) {
	tb.Helper()
	if !errors.Is(err, ErrMismatch) {
		tb.Errorf("it is %v, and must differ in %q", err, what)
	} else if len(what) > 0 && !slices.ContainsFunc(what, func(w string) bool { return strings.Contains(err.Error(), w) }) {
		tb.Errorf("it says %v, and must name %q", err, what)
	}
}

func read(tb testing.TB, path ...string) []byte {
	tb.Helper()
	return must(os.ReadFile(filepath.Join(path...)))
}

// write puts a file in the place of what is there, which may be a link.
func write(tb testing.TB, path string, text []byte) {
	tb.Helper()
	_ = os.Remove(path)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// copied returns a folder with the files of a bundle.
func copied(tb testing.TB, folder string) string {
	tb.Helper()
	to := tb.TempDir()
	for _, name := range names(tb, folder) {
		if err := os.Link(filepath.Join(folder, name), filepath.Join(to, name)); err != nil {
			tb.Fatal(err)
		}
	}
	return to
}

func names(tb testing.TB, folder string) (all []string) {
	tb.Helper()
	for _, e := range must(os.ReadDir(folder)) {
		all = append(all, e.Name())
	}
	return all
}

// tampered changes files of a copy of a bundle and makes the manifest fit, as
// whoever tampers with one would.
func tampered(tb testing.TB, folder string, files map[string][]byte) string {
	tb.Helper()
	to := copied(tb, folder)
	m := must(decode[manifest](manifestFile, read(tb, folder, manifestFile), encode))
	for name, text := range files {
		write(tb, filepath.Join(to, name), text)
		sum := sha256.Sum256(text)
		if i := slices.IndexFunc(m.Files, func(f fileSum) bool { return f.Name == name }); i >= 0 {
			m.Files[i] = fileSum{name, int64(len(text)), hex.EncodeToString(sum[:])}
		}
	}
	write(tb, filepath.Join(to, manifestFile), encode(m))
	return to
}

// linesOf cuts a text into lines, each with its end.
func linesOf(text []byte) [][]byte { return slices.Collect(bytes.Lines(text)) }

func joined(lines ...[]byte) []byte { return bytes.Join(lines, nil) }

// headSize is how many records a signed head holds.
func headSize(tb testing.TB, path ...string) (n int) {
	tb.Helper()
	must(fmt.Sscan(strings.Split(string(read(tb, path...)), "\n")[1], &n))
	return n
}
