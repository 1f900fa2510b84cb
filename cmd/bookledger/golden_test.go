package main_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"bookledger/cmd/bookledger/internal/command"
	"bookledger/events"
	"bookledger/events/record"
	"bookledger/exporter"
	"bookledger/exporter/proof"
	"bookledger/projections"
	"bookledger/projections/audit"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/list"
	"bookledger/projections/replay"
	"bookledger/schemas"
)

var update = flag.Bool("update", false, "rewrite the expected results of TestGolden")

const (
	goldenFolder = "testdata/golden"
	goldenDump   = goldenFolder + "/dump.ndjson"
)

// goldenKeys are the public keys of the golden ledger, as an auditor would have
// them from elsewhere: that of genesis, and the one that it handed over to.
var goldenKeys = []string{
	"bookledger/f7918abe-cc7c-4fa9-b57b-911f21a6f6cb+c53a220a+AfChPQ93uVtsQ0Voezp5vVIIU24OZaYoCzZ9hF+Uvkiq",
	"bookledger/f7918abe-cc7c-4fa9-b57b-911f21a6f6cb+c9b455c7+Aa1H5B5EbWwFjJWnW8wB15sdik8+bjkBnyR5VuU5jda0",
}

// What the golden ledger is asked.
var (
	goldenAgents = []string{
		"A100001", "A100002", "A100003", "A100004", "A100005", "A100006", "A100007", "A100008",
		"A100050", // certified late
		"A100777", // never certified
		"AG-100",  // named by the corpus alone
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

// TestGolden holds everything that can be derived from one committed history to
// what it was when the expectation was written. Commands that replay the dump
// and a store that was built from its records must say the same.
func TestGolden(t *testing.T) {
	t.Parallel()
	dump := readGoldenDump(t)
	var replayed, commanded, stored, restarted facts
	t.Run("from", func(t *testing.T) { // ends once all four have
		from := func(name string, into *facts, gather func(t *testing.T, f *facts)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				gather(t, into)
			})
		}
		from("records", &replayed, dump.replay)
		from("commands", &commanded, dump.ask)
		from("store", &stored, func(t *testing.T, f *facts) { dump.build(t, f, len(dump.records), 512) })
		// The chunks are others too, so that batches end elsewhere.
		from("restarted store", &restarted, func(t *testing.T, f *facts) { dump.build(t, f, len(dump.records)/2, 37) })
	})
	if t.Failed() {
		return
	}
	all := facts{}
	for _, from := range []*facts{&replayed, &commanded, &stored, &restarted} {
		all.join(t, from)
	}
	for _, made := range dump.exported {
		all.agree(t, made)
	}
	if !*update || !t.Failed() { // what disagrees is no expectation
		all.compare(t)
	}
}

// facts are what was found, each under its name, and the texts of some of them.
// Names are the same for all who find a thing.
type facts struct {
	mu    sync.Mutex
	lines map[string]string
	files map[string][]byte
}

func (f *facts) add(name, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lines == nil {
		f.lines, f.files = map[string]string{}, map[string][]byte{}
	}
	f.lines[name] = fmt.Sprintf(format, args...)
}

// addText adds the size and hash of a text.
func (f *facts) addText(name string, text []byte) {
	f.add(name, "%d bytes, sha256 %x", len(text), sha256.Sum256(text))
}

// addFile adds a text that is also kept whole, so that a person sees what has
// become of it.
func (f *facts) addFile(name, file string, text []byte) {
	f.addText(name, text)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[file] = text
}

// join adds the facts of from, which must not say otherwise.
func (f *facts) join(t *testing.T, from *facts) {
	t.Helper()
	for name, line := range from.lines {
		if have, ok := f.lines[name]; ok && have != line {
			t.Errorf("%s:\nfrom one way   %s\nfrom another   %s", name, have, line)
			continue
		}
		f.add(name, "%s", line)
	}
	maps.Copy(f.files, from.files)
}

// agree holds the book that somebody took from the running system to what is
// made of the dump, where the same exporter made both.
func (f *facts) agree(t *testing.T, e exported) {
	t.Helper()
	name := bookName(cmp.Or(e.AgentID, e.AgencyID), e.Friday.String())
	made, ok := f.lines[name]
	if e.ExporterVersion == exporter.Version && (!ok || !strings.HasSuffix(made, e.SHA256)) {
		t.Errorf("%s: record %d says that sha256 %s was taken, but it is %s", name, e.seq, e.SHA256, made)
	}
}

// compare compares everything with what was committed, or commits it.
func (f *facts) compare(t *testing.T) {
	t.Helper()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.lines)) {
		fmt.Fprintf(&text, "%s: %s\n", name, f.lines[name])
	}
	files := maps.Clone(f.files)
	files["expected.txt"] = []byte(text.String())
	if *update {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(goldenFolder, name), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		want, err := os.ReadFile(filepath.Join(goldenFolder, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if bytes.Equal(want, files[name]) {
			continue
		}
		if name != "expected.txt" {
			t.Errorf("%s differs from line %d on; run the test with -update and look at the difference", name, differsAt(want, files[name]))
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
				t.Errorf("%s:\nis       %s\nshould   %s", name, f.lines[name], before[name])
			}
		}
	}
}

// differsAt returns the first line, from 1 on, in which two texts differ.
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
}

// exported is a book that somebody took from the running system.
type exported struct {
	seq uint64
	events.Export
}

// readGoldenDump reads the dump. Each record must become its very line again.
func readGoldenDump(t *testing.T) *golden {
	t.Helper()
	text, err := os.ReadFile(goldenDump)
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{}
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
		if made, ok := checked.Event.Data.(*events.ExportMade); ok {
			g.exported = append(g.exported, exported{line.Seq, made.Export})
		}
	}
	if len(g.exported) == 0 {
		t.Fatal("nobody took a book")
	}
	return g
}

// verdict is what became of a record, as the facts tell it.
func verdict(to io.Writer, seq uint64, o record.Outcome, code events.Code, field string) {
	fmt.Fprintf(to, "%d %s %s %s\n", seq, o, code, field)
}

// replay replays the records one by one: their leaves, what became of each, and
// the seals.
func (g *golden) replay(t *testing.T, f *facts) {
	r := replay.New()
	seals := g.sealsOf(t)
	verdicts, leaves := sha256.New(), sha256.New()
	r.OnCheckpoint(func(c checkpoint.Checkpoint) error {
		root, err := r.TreeRoot(c.Boundary)
		if err != nil {
			return err
		}
		return sealed(t, f, seals, c, r.State(), r.Calendar(), root)
	})
	r.OnJudged(func(rec *record.Decoded, v replay.Verdict) error {
		var code events.Code
		var field string
		if v.Rejection != nil {
			code, field = v.Rejection.Code, v.Rejection.Field
		}
		verdict(verdicts, rec.Seq, v.Outcome, code, field)
		if !v.Recorded.Equal(g.recorded[rec.Seq-1]) {
			t.Errorf("record %d: recorded %s, but the dump says %s", rec.Seq, v.Recorded, g.recorded[rec.Seq-1])
		}
		return nil
	})
	for i := range g.records {
		rec := &g.records[i]
		leaf := rec.LeafHash()
		leaves.Write(leaf[:])
		if _, err := r.Apply(rec); err != nil {
			t.Fatal(err)
		}
	}
	f.add("leaves of all records", "%d, sha256 %x", len(g.records), leaves.Sum(nil))
	f.add("verdicts on all records", "sha256 %x", verdicts.Sum(nil))
	rootsAt(t, f, g, r.TreeRoot)
	if err := r.CompareSeals(); err != nil {
		t.Error(err)
	}
}

func rootsAt(t *testing.T, f *facts, g *golden, root func(uint64) ([32]byte, error)) {
	t.Helper()
	for _, size := range append(slices.Clone(goldenSizes), uint64(len(g.records))) {
		sum, err := root(size)
		if err != nil {
			t.Fatal(err)
		}
		f.add(fmt.Sprintf("tree root of %04d records", size), "%x", sum)
	}
}

// sealsOf returns the messages of the seals, by their ids.
func (g *golden) sealsOf(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	var checker events.Checker
	for i := range g.records {
		checked := checker.Check(g.records[i].Subject, g.records[i].Body)
		if g.records[i].Subject == events.SubjectSeal && checked.Event.Type == events.TypeSealed {
			all[checked.Event.ID] = g.records[i].Body
		}
	}
	if len(all) == 0 {
		t.Fatal("no Friday is sealed")
	}
	return all
}

// sealed makes the seal of a Friday anew, which must be the very message that
// stands in the record, and adds the roots of all books in it.
func sealed(t *testing.T, f *facts, seals map[string][]byte, c checkpoint.Checkpoint, s book.State, calendar *events.Calendar, root [32]byte) error {
	agents, err := checkpoint.AgentsOf(t.Context(), s, calendar, c.Week, 2)
	if err != nil {
		return err
	}
	seal, err := c.SealOf(agents, root, fold.RulesNumber)
	if err != nil {
		return err
	}
	body, err := checkpoint.EncodeSeal(seal, calendar)
	if err != nil {
		return err
	}
	friday := c.Friday.String()
	if !bytes.Equal(body, seals["seal/"+friday]) {
		t.Errorf("the seal of %s is another message than the one in the record", friday)
	}
	f.add("seal of "+friday, "boundary %d, %d cases, %d rows, book root %s, tree root %s", seal.Boundary, seal.Cases, seal.Rows, seal.BookRoot, seal.TreeRoot)
	for _, id := range goldenAgents {
		if place, ok := agents.Place(id); ok {
			f.add("rows of "+friday+" "+id, "%d of %d cases, root %x", place.Agent.Rows, place.Agent.Cases, place.Agent.Root)
		}
	}
	return nil
}

// bookledger runs the program in this process, and returns its output and exit
// code.
func bookledger(ctx context.Context, args ...string) ([]byte, int) {
	var out bytes.Buffer
	code := command.Run(ctx, args, strings.NewReader(""), &out, io.Discard)
	return out.Bytes(), code
}

func bookName(owner, friday string) string      { return "book of " + friday + " " + owner }
func activeName(agent, when string) string      { return "active " + agent + " " + when }
func explainName(caseID, friday string) string  { return "explain " + caseID + " " + friday }
func diffName(owner, from, to string) string    { return "diff " + owner + " " + from + " " + to }
func explainFile(caseID string) string          { return "explain-" + caseID + ".ndjson" }
func unknownAgent(f *facts, agent, when string) { f.add(activeName(agent, when), "exit code 1") }

// ask asks the commands of the dump.
func (g *golden) ask(t *testing.T, f *facts) {
	ctx, out := t.Context(), t.TempDir()
	text := func(args ...string) []byte {
		text, code := bookledger(ctx, append(args, "--journal", goldenDump)...)
		if code != 0 {
			t.Errorf("%q: exit code %d", args, code)
		}
		return text
	}
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	do := func(some func()) {
		work.Go(func() error {
			some()
			return nil
		})
	}
	var fridays []string
	told := text("fridays", "--json")
	f.addFile("fridays", "fridays.ndjson", told)
	for line := range bytes.Lines(told) {
		var c struct{ Friday string }
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		fridays = append(fridays, c.Friday)
	}
	f.addFile("status", "status.json", text("status", "--json"))
	f.addFile("exports", "exports.ndjson", text("exports", "--json"))
	rejected := text("rejected", "--json")
	f.addFile("rejected, as the command writes it", "rejected.ndjson", rejected)
	addRejected(t, f, rejected)
	for _, agent := range goldenAgents {
		active := func(when string, more ...string) {
			text, code := bookledger(ctx, append([]string{"active", "--journal", goldenDump, "--agent", agent, "--json"}, more...)...)
			if code == 1 {
				unknownAgent(f, agent, when)
				return
			}
			f.addText(activeName(agent, when), text)
		}
		do(func() {
			active("now")
			for _, friday := range goldenAsOf {
				active(friday, "--friday", friday)
			}
			for _, at := range goldenMoments {
				active("at "+at, "--at", at)
			}
		})
	}
	for _, friday := range fridays {
		do(func() {
			folder := filepath.Join(out, friday)
			for line := range bytes.Lines(text("export", "--all", "--friday", friday, "--json", "--out", folder)) {
				addWritten(t, f, line)
			}
			for agency, only := range goldenAgencies {
				if only == nil || slices.Contains(only, friday) {
					addWritten(t, f, text("export", "--agency", agency, "--friday", friday, "--json", "--out", filepath.Join(folder, agency+".xlsx")))
				}
			}
		})
	}
	for _, id := range goldenExplained {
		do(func() {
			f.addFile(explainName(id, "now"), explainFile(id), text("explain", "--case", id, "--json"))
			f.addText(explainName(id, "2025-12-19"), text("explain", "--case", id, "--json", "--friday", "2025-12-19"))
			f.addText(explainName(id, "latest"), text("explain", "--case", id, "--json", "--friday", "latest"))
		})
	}
	for _, c := range goldenCompared {
		do(func() {
			owner, flag := c.agent, "--agent"
			if c.agency != "" {
				owner, flag = c.agency, "--agency"
			}
			f.addText(diffName(owner, c.from, c.to), text("diff", flag, owner, "--from", c.from, "--to", c.to, "--json"))
		})
	}
	for _, e := range goldenEvidence {
		do(func() {
			bundle := filepath.Join(out, "evidence "+e.name)
			text(append([]string{"evidence", "--agent", "A100001", "--friday", e.friday, "--out", bundle}, strings.Fields(e.more)...)...)
			addBundle(t, f, e.name, bundle)
		})
	}
	if err := work.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"2025-12-19/" + exporterName("A100001", "2025-12-19"), "2025-11-14/G200001.xlsx"} {
		f.add("verify "+name, "%s", bytes.TrimSpace(text("verify", filepath.Join(out, name), "--json")))
	}
}

func exporterName(agent, friday string) string {
	return "book-of-business_" + agent + "_" + friday + ".xlsx"
}

// addRejected adds the rejections, also without their reasons, whose wording may
// change. They are decoded and encoded again: of a subject that is not UTF-8 a
// store keeps the replacement characters, and the dump's own bytes are escaped,
// so that the same JSON is written in two ways.
func addRejected(t *testing.T, f *facts, text []byte) {
	t.Helper()
	var whole, bare bytes.Buffer
	for line := range bytes.Lines(text) {
		var r projections.Rejected
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		err := json.NewEncoder(&whole).Encode(r)
		r.Reason = ""
		if err = errors.Join(err, json.NewEncoder(&bare).Encode(r)); err != nil {
			t.Fatal(err)
		}
	}
	f.addText("rejected", whole.Bytes())
	f.addText("rejected, without reasons", bare.Bytes())
}

// addWritten adds the workbook that a line of export --json tells of.
func addWritten(t *testing.T, f *facts, line []byte) {
	t.Helper()
	var w struct {
		AgentID  string `json:"agent_id"`
		AgencyID string `json:"agency_id"`
		Friday   string
		Rows     int
		SHA256   string
		Path     string
	}
	if err := json.Unmarshal(line, &w); err != nil {
		t.Errorf("%q: %v", line, err)
		return
	}
	text, err := os.ReadFile(w.Path)
	if err != nil {
		t.Error(err)
		return
	}
	if sum := sha256.Sum256(text); w.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("%s has another hash than the export says", w.Path)
	}
	addBook(t, f, cmp.Or(w.AgentID, w.AgencyID), w.Friday, w.Rows, text)
}

// addBook adds a workbook, and by itself the sheet with the rows, which holds no
// wording but the headers of columns.
func addBook(t *testing.T, f *facts, owner, friday string, rows int, text []byte) {
	t.Helper()
	f.add(bookName(owner, friday), "%d rows, %d bytes, sha256 %x", rows, len(text), sha256.Sum256(text))
	files, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Error(err)
		return
	}
	sheet, err := files.Open("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Error(err)
		return
	}
	defer sheet.Close()
	cells, err := io.ReadAll(sheet)
	if err != nil {
		t.Error(err)
	}
	f.addText("cells of "+friday+" "+owner, cells)
}

// addBundle adds every file of a bundle of evidence, which must verify.
func addBundle(t *testing.T, f *facts, name, bundle string) {
	t.Helper()
	files, err := os.ReadDir(bundle)
	if err != nil {
		t.Error(err)
		return
	}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(bundle, file.Name()))
		if err != nil {
			t.Error(err)
			return
		}
		f.addText("evidence, "+name+", "+file.Name(), text)
	}
	accepted := 0
	for i, key := range goldenKeys {
		report, err := proof.Verify(t.Context(), bundle, proof.Options{Key: key})
		found := "does not verify"
		switch {
		case err == nil:
			accepted++
			found = fmt.Sprintf("verified as %s of %s, Friday %s", report.Kind, report.Agent, report.Friday)
		case !errors.Is(err, proof.ErrDiffers):
			t.Errorf("evidence, %s: %v", name, err)
		}
		f.add(fmt.Sprintf("evidence, %s, with key %d", name, i+1), "%s", found)
	}
	if accepted == 0 {
		t.Errorf("evidence, %s: it verifies with neither key", name)
	}
}

// goldenSource is the records as a projection follows them.
type goldenSource struct {
	records []record.Record
	chunk   int // how many are handed over at once
}

func (s goldenSource) Follow(ctx context.Context, after uint64, yield func([]record.Record) error) error {
	return s.Read(ctx, after, uint64(len(s.records)), yield)
}

func (s goldenSource) Read(_ context.Context, after, upTo uint64, yield func([]record.Record) error) error {
	for part := range slices.Chunk(s.records[after:upTo], s.chunk) {
		if err := yield(part); err != nil {
			return err
		}
	}
	return nil
}

func (s goldenSource) At(_ context.Context, seq uint64) (record.Record, error) {
	if seq < 1 || seq > uint64(len(s.records)) {
		return record.Record{}, fmt.Errorf("there is no record %d", seq)
	}
	return s.records[seq-1], nil
}

func (s goldenSource) Last(context.Context) (uint64, error) { return uint64(len(s.records)), nil }

// build builds a store of the first records, opens it again, lets it apply the
// others, and takes from it what the commands take from the dump.
func (g *golden) build(t *testing.T, f *facts, first, chunk int) {
	folder := t.TempDir()
	open := func(n int) *projections.Projection {
		p, err := projections.Open(projections.Options{Dir: folder})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.CatchUp(t.Context(), goldenSource{g.records[:n], chunk}); err != nil {
			t.Fatal(errors.Join(err, p.Close()))
		}
		return p
	}
	p := open(first)
	if first == len(g.records) {
		addOutcomes(t, f, p, g)
	} else { // what became of the first half is known to that process alone
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		p = open(len(g.records))
	}
	v, err := p.View()
	if err != nil {
		t.Fatal(errors.Join(err, p.Close()))
	}
	b := built{t, f, g, v, goldenSource{g.records, chunk}}
	b.tree()
	b.counts()
	b.lists()
	b.books()
	b.account()
	if err := errors.Join(v.Close(), p.Close()); err != nil {
		t.Fatal(err)
	}
}

func addOutcomes(t *testing.T, f *facts, p *projections.Projection, g *golden) {
	t.Helper()
	verdicts := sha256.New()
	for i := range g.records {
		outcome, rejected, err := p.WaitFor(t.Context(), g.records[i].Seq)
		if err != nil {
			t.Fatal(err)
		}
		var code events.Code
		var field string
		if rejected != nil {
			code, field = rejected.Code, rejected.Field
		}
		verdict(verdicts, g.records[i].Seq, outcome, code, field)
	}
	f.add("verdicts on all records", "sha256 %x", verdicts.Sum(nil))
}

// built is a store that was built.
type built struct {
	t      *testing.T
	f      *facts
	g      *golden
	v      *projections.View
	source projections.Journal
}

func (b built) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b built) json(lines ...any) []byte {
	b.t.Helper()
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	for _, line := range lines {
		b.must(out.Encode(line))
	}
	return text.Bytes()
}

func anys[T any](all []T) []any {
	lines := make([]any, len(all))
	for i := range all {
		lines[i] = all[i]
	}
	return lines
}

func (b built) tree() {
	leaves := sha256.New()
	for i := range b.g.records {
		leaf, err := b.v.LeafHash(b.g.records[i].Seq)
		b.must(err)
		leaves.Write(leaf[:])
	}
	b.f.add("leaves of all records", "%d, sha256 %x", len(b.g.records), leaves.Sum(nil))
	rootsAt(b.t, b.f, b.g, b.v.TreeRoot)
}

func (b built) counts() {
	fridays, err := b.v.Checkpoints()
	b.must(err)
	b.f.addText("fridays", b.json(anys(fridays)...))
	status, err := b.v.Status()
	b.must(err)
	b.f.addText("status", b.json(status))
	exports, err := b.v.Exports(0, 0)
	b.must(err)
	b.f.addText("exports", b.json(anys(exports)...))
	var rejected []any
	b.must(b.v.EachRejected(func(r projections.Rejected) error {
		rejected = append(rejected, r)
		return nil
	}))
	addRejected(b.t, b.f, b.json(rejected...))
}

func (b built) lists() {
	add := func(name string, of *list.List, asOf time.Time, week events.Date) {
		consumers, total := of.Page(list.Query{}, week.Year())
		b.f.addText(name, b.json(struct {
			AsOf      time.Time    `json:"as_of"`
			Total     int          `json:"total"`
			Consumers []list.Entry `json:"consumers"`
		}{asOf.UTC(), total, consumers}))
	}
	for _, agent := range goldenAgents {
		lists, err := b.v.Lists(agent)
		b.must(err)
		add(activeName(agent, "now"), lists.Active, b.v.Recorded(), b.v.OpenFriday())
		// No command shows these, so they are held to what was committed alone.
		add("inactive "+agent+" now", lists.Inactive, b.v.Recorded(), b.v.OpenFriday())
		add("pending "+agent+" now", lists.Pending, b.v.Recorded(), b.v.OpenFriday())
		for _, text := range goldenAsOf {
			f, err := events.ParseDate(text)
			b.must(err)
			then := b.v.AsOf(f)
			if _, known, err := then.Agent(agent); err != nil || !known {
				b.must(err)
				unknownAgent(b.f, agent, text)
				continue
			}
			lists, err := list.New(b.v.Calendar(), agent, func(yield func(string, *fold.Case) error) error {
				return then.EachHeld(agent, yield)
			})
			b.must(err)
			add(activeName(agent, text), lists.Active, b.v.Calendar().Cutoff(f), f)
		}
	}
}

func (b built) books() {
	columns, err := schemas.ColumnSet("1")
	b.must(err)
	export, err := exporter.New(columns)
	b.must(err)
	write := func(owner string, made *book.Book) {
		var text bytes.Buffer
		result, err := export.Write(b.t.Context(), &text, made)
		b.must(err)
		addBook(b.t, b.f, owner, made.Friday.String(), result.Rows, text.Bytes())
	}
	fridays, err := b.v.Checkpoints()
	b.must(err)
	seals := b.g.sealsOf(b.t)
	for _, c := range fridays {
		then, friday := b.v.AsOf(c.Friday), c.Friday.String()
		root, err := b.v.TreeRoot(c.Boundary)
		b.must(err)
		b.must(sealed(b.t, b.f, seals, c, then, b.v.Calendar(), root))
		var agents []string
		b.must(then.EachAgent(func(id string, _ *fold.Agent) error {
			agents = append(agents, id)
			return nil
		}))
		for _, id := range agents {
			made, err := book.ForAgent(b.t.Context(), then, b.v.Calendar(), c.Week, id)
			b.must(err)
			write(id, made)
		}
		for agency, only := range goldenAgencies {
			if only == nil || slices.Contains(only, friday) {
				made, err := book.ForAgency(b.t.Context(), then, b.v.Calendar(), c.Week, agency)
				b.must(err)
				write(agency, made)
			}
		}
	}
}

// account explains cases and compares books.
func (b built) account() {
	ctx := b.t.Context()
	explain := func(name, id string, q audit.Question) {
		a, err := audit.AccountOf(ctx, b.v, b.source, id, 0)
		b.must(err)
		x, err := a.Explain(ctx, q)
		b.must(err)
		lines := anys(x.Events)
		if x.Standing != nil {
			lines = append(lines, x.Standing)
		}
		b.f.addText(name, b.json(lines...))
	}
	friday := func(text string) book.Week {
		f, err := events.ParseDate(text)
		b.must(err)
		c, err := b.v.Checkpoint(f)
		b.must(err)
		return c.Week
	}
	for _, id := range goldenExplained {
		explain(explainName(id, "now"), id, audit.Question{})
		explain(explainName(id, "2025-12-19"), id, audit.Question{AsOf: true, Friday: friday("2025-12-19").Friday})
		explain(explainName(id, "latest"), id, audit.Question{AsOf: true})
	}
	for _, c := range goldenCompared {
		compared, err := audit.Compare(ctx, b.v, b.source, audit.Owner{Agent: c.agent, Agency: c.agency}, friday(c.from), friday(c.to), 0)
		b.must(err)
		differences, err := compared.Differences(ctx, compared.Changes())
		b.must(err)
		b.f.addText(diffName(cmp.Or(c.agent, c.agency), c.from, c.to), b.json(anys(differences)...))
	}
}
