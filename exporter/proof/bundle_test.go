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

// coveredRow is a row with health coverage in testAgent's book of the last Friday.
// multiRowCase is a case with several rows in that book.
var coveredRow, multiRowCase = func() (k book.RowKey, multiRowCase string) {
	rows := map[string]int{}
	for i, b := 0, sampleLedger().books[testAgent]; i < len(b.Rows); i++ {
		key := b.Rows[i].Key()
		if rows[key.CaseID]++; rows[key.CaseID] > 1 {
			multiRowCase = key.CaseID
		}
		if b.Rows[i].Health != nil && key.Year > 0 {
			k = key
		}
	}
	return k, multiRowCase
}()

// bundleRequests are requests for bundles of each kind. makeFromDump fills in the
// default agent, testAgent, and the default Friday, the last one.
var bundleRequests = map[string]Request{
	"whole":                     {Kind: Whole},
	"whole of the first Friday": {Kind: Whole, Friday: fridays[0]},
	"whole of an empty book":    {Kind: Whole, Agent: emptyAgent},
	"records":                   {Kind: Records},
	"records of the first":      {Kind: Records, Friday: fridays[0]},
	"records of an empty book":  {Kind: Records, Agent: emptyAgent},
	"row":                       {Kind: Row, Case: coveredRow.CaseID, Member: coveredRow.MemberID, Year: coveredRow.Year},
	"the one row of a book":     {Kind: Row, Agent: oneRowAgent, Case: caseID(900)},
	"absent":                    {Kind: Row, Case: coveredRow.CaseID, Member: "M9", Year: 2026},
	"absent from an empty book": {Kind: Row, Agent: emptyAgent, Case: caseID(900)},
	"absent from a book of one": {Kind: Row, Agent: oneRowAgent, Case: caseID(901)},
}

// bundleCache contains the bundles of bundleRequests. Each is made once, in a folder
// below dir, and never changed.
var bundleCache struct {
	sync.Mutex
	dir     string
	folders map[string]string
}

func TestMain(m *testing.M) {
	bundleCache.dir, bundleCache.folders = must(os.MkdirTemp("", "proof-*")), map[string]string{}
	code := m.Run()
	_ = os.RemoveAll(bundleCache.dir)
	os.Exit(code)
}

// cachedBundle returns the folder with the bundle of a request in bundleRequests.
func cachedBundle(tb testing.TB, name string) string {
	tb.Helper()
	bundleCache.Lock()
	defer bundleCache.Unlock()
	if bundleCache.folders[name] == "" {
		q, known := bundleRequests[name]
		if !known {
			tb.Fatalf("no request %q", name)
		}
		bundleCache.folders[name] = must(makeFromDump(tb, sampleLedger().text.Bytes(), filepath.Join(bundleCache.dir, name, "bundle"), q))
	}
	return bundleCache.folders[name]
}

// makeFromDump makes a bundle of a dump and returns its folder, out.
func makeFromDump(tb testing.TB, dump []byte, out string, q Request) (string, error) {
	tb.Helper()
	q.Journal, q.Out = filepath.Join(tb.TempDir(), "dump"), out
	if q.Kind == "" {
		q.Kind = Whole
	}
	if q.Agent == "" {
		q.Agent = testAgent
	}
	if q.Friday == 0 {
		q.Friday = fridays[2]
	}
	replaceFile(tb, q.Journal, dump)
	return out, Make(context.Background(), q)
}

// makeBundle makes a bundle of a ledger and returns its folder.
func makeBundle(tb testing.TB, n *testLedger, q Request) string {
	tb.Helper()
	return must(makeFromDump(tb, n.text.Bytes(), filepath.Join(tb.TempDir(), "bundle"), q))
}

// verifyError verifies a bundle without options.
func verifyError(folder string) error {
	_, err := Verify(context.Background(), folder, Options{})
	return err
}

// wantMismatch checks that err is ErrMismatch and, if texts are given, contains one.
func wantMismatch(tb testing.TB, err error, texts ...string) {
	tb.Helper()
	if !errors.Is(err, ErrMismatch) {
		tb.Errorf("got error %v, want ErrMismatch with one of %q", err, texts)
	} else if len(texts) > 0 && !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(err.Error(), text) }) {
		tb.Errorf("got error %v, want one of %q in it", err, texts)
	}
}

func readFile(tb testing.TB, path ...string) []byte {
	tb.Helper()
	return must(os.ReadFile(filepath.Join(path...)))
}

// replaceFile writes a file in place of what is at the path, which may be a link.
func replaceFile(tb testing.TB, path string, text []byte) {
	tb.Helper()
	_ = os.Remove(path)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// copyBundle returns a new folder with hard links to the files of a bundle.
func copyBundle(tb testing.TB, folder string) string {
	tb.Helper()
	to := tb.TempDir()
	for _, name := range fileNames(tb, folder) {
		if err := os.Link(filepath.Join(folder, name), filepath.Join(to, name)); err != nil {
			tb.Fatal(err)
		}
	}
	return to
}

func fileNames(tb testing.TB, folder string) (all []string) {
	tb.Helper()
	for _, e := range must(os.ReadDir(folder)) {
		all = append(all, e.Name())
	}
	return all
}

// tamper replaces files in a copy of a bundle and adjusts the manifest, as an attacker
// would. It returns the folder of the copy.
func tamper(tb testing.TB, folder string, files map[string][]byte) string {
	tb.Helper()
	to := copyBundle(tb, folder)
	m := must(decode[manifest](manifestFile, readFile(tb, folder, manifestFile), encode))
	for name, text := range files {
		replaceFile(tb, filepath.Join(to, name), text)
		sum := sha256.Sum256(text)
		if i := slices.IndexFunc(m.Files, func(f fileEntry) bool { return f.Name == name }); i >= 0 {
			m.Files[i] = fileEntry{name, int64(len(text)), hex.EncodeToString(sum[:])}
		}
	}
	replaceFile(tb, filepath.Join(to, manifestFile), encode(m))
	return to
}

// splitLines splits a text into lines, each with its newline.
func splitLines(text []byte) [][]byte { return slices.Collect(bytes.Lines(text)) }

func joinLines(lines ...[]byte) []byte { return bytes.Join(lines, nil) }

// sizeOfHead returns the number of records that a signed tree head in a file covers.
func sizeOfHead(tb testing.TB, path ...string) (n int) {
	tb.Helper()
	must(fmt.Sscan(strings.Split(string(readFile(tb, path...)), "\n")[1], &n))
	return n
}
