package main_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/exporter"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/replay"
)

var update = flag.Bool("update", false, "rewrite the expected results of TestGolden")

const (
	goldenFolder = "testdata/golden"
	goldenDump   = goldenFolder + "/dump.ndjson"
)

// goldenKeys are the public keys of the golden ledger: the one in genesis and the
// one that replaced it. An auditor would get them from another source.
var goldenKeys = []string{
	"bookledger/f7918abe-cc7c-4fa9-b57b-911f21a6f6cb+c53a220a+AfChPQ93uVtsQ0Voezp5vVIIU24OZaYoCzZ9hF+Uvkiq",
	"bookledger/f7918abe-cc7c-4fa9-b57b-911f21a6f6cb+c9b455c7+Aa1H5B5EbWwFjJWnW8wB15sdik8+bjkBnyR5VuU5jda0",
}

// The agents, agencies, Fridays and cases whose facts are compared.
var (
	goldenAgents = []string{
		"A100001", "A100002", "A100003", "A100004", "A100005", "A100006", "A100007", "A100008",
		"A100050", // certified late
		"A100777", // never certified
		"AG-100",  // named only by the corpus
	}
	goldenAsOf     = []string{"2025-11-07", "2025-12-19"} // the first ends a week of 169 hours
	goldenMoments  = []string{"2025-12-17T12:30:02.5-08:00", "2025-12-26T21:00:00-08:00"}
	goldenAgencies = map[string][]string{
		"G200001": nil, // every Friday
		"G200002": {"2025-12-12", "2026-01-02"},
		"G200003": {"2025-12-12", "2025-12-19"}, // an agent moves here in between
	}
	goldenExplained = []string{"5000032500", "5900000001", "5900000002", "5900000003", "5900000004", "5900000006", "5900000009", "5900000012"}
	goldenCompared  = []struct{ agent, agency, from, to string }{
		{agent: "A100001", from: "2025-12-12", to: "2025-12-19"},
		{agent: "A100003", from: "2025-12-12", to: "2025-12-26"},
		{agent: "A100005", from: "2025-12-26", to: "2026-01-02"}, // over the new year
		{agent: "A100050", from: "2025-12-19", to: "2025-12-26"},
		{agency: "G200001", from: "2025-10-31", to: "2026-01-02"},
	}
	goldenEvidence = []struct{ name, friday, more string }{
		{"whole", "2025-12-19", ""},
		{"records", "2025-12-19", "--only records"},
		{"records before the key changed", "2025-11-28", "--only records"},
		{"row", "2025-12-19", "--case 5900000001 --member M1 --year 2026"},
		{"absent row", "2025-12-19", "--case 5900000005 --member M1 --year 2026"},
	}
	goldenSizes = []uint64{1, 2, 3, 255, 256, 257, 1000, 2112}
)

// Names of facts that both a command and a store add.
func bookName(owner, friday string) string      { return "book of " + friday + " " + owner }
func activeName(agent, when string) string      { return "active " + agent + " " + when }
func explainName(caseID, friday string) string  { return "explain " + caseID + " " + friday }
func diffName(owner, from, to string) string    { return "diff " + owner + " " + from + " " + to }
func unknownAgent(f *facts, agent, when string) { f.add(activeName(agent, when), "exit code 1") }

// agenciesOf returns the agencies whose books of a Friday are compared.
func agenciesOf(friday string) (agencies []string) {
	for agency, only := range goldenAgencies {
		if only == nil || slices.Contains(only, friday) {
			agencies = append(agencies, agency)
		}
	}
	return agencies
}

// TestGolden checks that everything derived from the committed history is as it was
// when the expected facts were written. Commands that replay the dump and a store
// built from its records must agree.
func TestGolden(t *testing.T) {
	t.Parallel()
	dump := readGoldenDump(t)
	var found []*facts
	t.Run("from", func(t *testing.T) { // ends when all four have ended
		from := func(name string, gather func(f *facts)) {
			f := newFacts(nil)
			found = append(found, f)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f.T = t
				gather(f)
			})
		}
		from("records", dump.replay)
		from("commands", dump.addCommands)
		from("store", func(f *facts) { dump.build(f, len(dump.records), 512) })
		// Other chunk sizes end batches at other records.
		from("restarted store", func(f *facts) { dump.build(f, len(dump.records)/2, 37) })
	})
	if t.Failed() {
		return
	}
	all := newFacts(t)
	for _, f := range found {
		all.join(f)
	}
	for _, made := range dump.exported {
		all.agree(made)
	}
	if !*update || !t.Failed() { // never write expected facts that disagree
		all.compare()
	}
}

// facts are named results, with the full text of some. Every source gives a fact
// the same name.
type facts struct {
	*testing.T
	mu    sync.Mutex
	lines map[string]string
	files map[string][]byte
}

func newFacts(t *testing.T) *facts {
	return &facts{T: t, lines: map[string]string{}, files: map[string][]byte{}}
}

func (f *facts) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *facts) add(name, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines[name] = fmt.Sprintf(format, args...)
}

// addText adds the size and hash of a text.
func (f *facts) addText(name string, text []byte) {
	f.add(name, "%d bytes, sha256 %x", len(text), sha256.Sum256(text))
}

// addFile adds a text and keeps it in full, so that a person can see what changed.
func (f *facts) addFile(name, file string, text []byte) {
	f.addText(name, text)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[file] = text
}

// join adds the facts of from. Facts with the same name must be equal.
func (f *facts) join(from *facts) {
	for name, line := range from.lines {
		if have, ok := f.lines[name]; ok && have != line {
			f.Errorf("%s:\nfrom one way   %s\nfrom another   %s", name, have, line)
			continue
		}
		f.add(name, "%s", line)
	}
	maps.Copy(f.files, from.files)
}

// agree checks that the book that a person downloaded is the one that the dump
// gives, if the same exporter version made both.
func (f *facts) agree(e exported) {
	name := bookName(cmp.Or(e.AgentID, e.AgencyID), e.Friday.String())
	made, ok := f.lines[name]
	if e.ExporterVersion == exporter.Version && (!ok || !strings.HasSuffix(made, e.SHA256)) {
		f.Errorf("%s: record %d says that sha256 %s was taken, but it is %s", name, e.seq, e.SHA256, made)
	}
}

// compare compares all facts with the committed ones, or writes them with -update.
func (f *facts) compare() {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.lines)) {
		fmt.Fprintf(&text, "%s: %s\n", name, f.lines[name])
	}
	files := maps.Clone(f.files)
	files["expected.txt"] = []byte(text.String())
	if *update {
		for name, text := range files {
			f.must(os.WriteFile(filepath.Join(goldenFolder, name), text, 0o644))
		}
		return
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		want, err := os.ReadFile(filepath.Join(goldenFolder, name))
		if err != nil {
			f.Error(err)
			continue
		}
		if bytes.Equal(want, files[name]) {
			continue
		}
		if name != "expected.txt" {
			f.Errorf("%s differs from line %d on; run the test with -update and look at the difference", name, differsAt(want, files[name]))
			continue
		}
		before := map[string]string{}
		for line := range strings.Lines(string(want)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			before[name] = value
		}
		names := maps.Clone(before)
		maps.Copy(names, f.lines)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if f.lines[name] != before[name] {
				f.Errorf("%s:\nis       %s\nshould   %s", name, f.lines[name], before[name])
			}
		}
	}
}

// differsAt returns the number, from 1, of the first line that differs.
func differsAt(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return 1 + bytes.Count(a[:n], []byte("\n"))
}

// golden is the committed dump.
type golden struct {
	records  []record.Record
	recorded []time.Time
	exported []exported
	seals    map[string][]byte // messages of the seals, by event id
}

// exported is a book that a person downloaded from the running system.
type exported struct {
	seq uint64
	events.Export
}

// readGoldenDump reads the dump, and checks that each record encodes to its line.
func readGoldenDump(t *testing.T) *golden {
	t.Helper()
	text, err := os.ReadFile(goldenDump)
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{seals: map[string][]byte{}}
	lines := record.NewReader(bytes.NewReader(text))
	var checker events.Checker
	var again []byte
	for {
		line, number, err := lines.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		begin := len(again)
		again = line.AppendLine(again, line.Recorded)
		if !bytes.HasPrefix(text[begin:], again[begin:]) {
			t.Fatalf("line %d of the dump is written otherwise now", number)
		}
		g.records, g.recorded = append(g.records, line.Record), append(g.recorded, line.Recorded)
		checked := checker.Check(line.Subject, line.Body)
		switch data := checked.Event.Data.(type) {
		case *events.ExportMade:
			g.exported = append(g.exported, exported{line.Seq, data.Export})
		case *events.Sealed:
			g.seals[checked.Event.ID] = line.Body
		}
	}
	if len(g.exported) == 0 || len(g.seals) == 0 {
		t.Fatal("nobody took a book, or no Friday is sealed")
	}
	return g
}

// verdict describes the outcome of a record in the facts.
func verdict(to io.Writer, seq uint64, o record.Outcome, code events.Code, field string) {
	fmt.Fprintf(to, "%d %s %s %s\n", seq, o, code, field)
}

// replay adds the leaf and outcome of each record, and the seals.
func (g *golden) replay(f *facts) {
	r := replay.New()
	verdicts := sha256.New()
	for v, err := range r.Steps(g.records...) {
		f.must(err)
		if v.Checkpoint != nil {
			g.sealed(f, *v.Checkpoint, r.State(), r.Calendar(), r.TreeRoot)
			continue
		}
		var code events.Code
		var field string
		if v.Rejection != nil {
			code, field = v.Rejection.Code, v.Rejection.Field
		}
		verdict(verdicts, v.Record.Seq, v.Outcome, code, field)
		if want := g.recorded[v.Record.Seq-1]; !v.Recorded.Equal(want) {
			f.Errorf("record %d: recorded %s, but the dump says %s", v.Record.Seq, v.Recorded, want)
		}
	}
	f.add("verdicts on all records", "sha256 %x", verdicts.Sum(nil))
	g.tree(f, func(seq uint64) ([32]byte, error) { return g.records[seq-1].LeafHash(), nil }, r.TreeRoot)
	f.must(r.CompareSeals())
}

// tree adds the leaves of all records and the roots of some trees.
func (g *golden) tree(f *facts, leaf, root func(uint64) ([32]byte, error)) {
	leaves := sha256.New()
	for _, r := range g.records {
		hash, err := leaf(r.Seq)
		f.must(err)
		leaves.Write(hash[:])
	}
	f.add("leaves of all records", "%d, sha256 %x", len(g.records), leaves.Sum(nil))
	for _, size := range append(slices.Clone(goldenSizes), uint64(len(g.records))) {
		sum, err := root(size)
		f.must(err)
		f.add(fmt.Sprintf("tree root of %04d records", size), "%x", sum)
	}
}

// sealed computes the seal of a Friday, checks that it is the recorded message, and
// adds the roots of all its books.
func (g *golden) sealed(f *facts, c checkpoint.Checkpoint, s book.State, calendar *events.Calendar, treeRoot func(uint64) ([32]byte, error)) {
	root, err := treeRoot(c.Boundary)
	f.must(err)
	agents, err := checkpoint.NewAgentTree(f.Context(), s, calendar, c.Week, 2)
	f.must(err)
	seal, err := c.SealOf(agents, root, fold.RulesNumber)
	f.must(err)
	body, err := checkpoint.EncodeSeal(seal, calendar)
	f.must(err)
	friday := c.Friday.String()
	if !bytes.Equal(body, g.seals["seal/"+friday]) {
		f.Errorf("the seal of %s is another message than the one in the record", friday)
	}
	f.add("seal of "+friday, "boundary %d, %d cases, %d rows, book root %s, tree root %s", seal.Boundary, seal.Cases, seal.Rows, seal.BookRoot, seal.TreeRoot)
	for _, id := range goldenAgents {
		if place, ok := agents.Prove(id); ok {
			f.add("rows of "+friday+" "+id, "%d of %d cases, root %x", place.Rows, place.Cases, place.Root)
		}
	}
}
