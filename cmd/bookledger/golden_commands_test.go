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
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"bookledger/cmd/bookledger/internal/command"
	"bookledger/exporter/proof"
	"bookledger/projections"
)

// bookledger runs the program in this process and returns its output and exit code.
func bookledger(ctx context.Context, args ...string) ([]byte, int) {
	var out bytes.Buffer
	code := command.Run(ctx, args, strings.NewReader(""), &out, io.Discard)
	return out.Bytes(), code
}

// addCommands adds the output of the commands that read the dump.
func (g *golden) addCommands(f *facts) {
	ctx, out := f.Context(), f.TempDir()
	text := func(args ...string) []byte {
		text, code := bookledger(ctx, append(args, "--journal", goldenDump)...)
		if code != 0 {
			f.Errorf("%q: exit code %d", args, code)
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
	checkpoints := text("fridays", "--json")
	f.addFile("fridays", "fridays.ndjson", checkpoints)
	for line := range bytes.Lines(checkpoints) {
		var c struct{ Friday string }
		f.must(json.Unmarshal(line, &c))
		fridays = append(fridays, c.Friday)
	}
	f.addFile("status", "status.json", text("status", "--json"))
	f.addFile("exports", "exports.ndjson", text("exports", "--json"))
	rejected := text("rejected", "--json")
	f.addFile("rejected, as the command writes it", "rejected.ndjson", rejected)
	addRejected(f, rejected)
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
				addWritten(f, line)
			}
			for _, agency := range agenciesOf(friday) {
				addWritten(f, text("export", "--agency", agency, "--friday", friday, "--json", "--out", filepath.Join(folder, agency+".xlsx")))
			}
		})
	}
	for _, id := range goldenExplained {
		do(func() {
			f.addFile(explainName(id, "now"), "explain-"+id+".ndjson", text("explain", "--case", id, "--json"))
			f.addText(explainName(id, "2025-12-19"), text("explain", "--case", id, "--json", "--friday", "2025-12-19"))
			f.addText(explainName(id, "latest"), text("explain", "--case", id, "--json", "--friday", "latest"))
		})
	}
	for _, c := range goldenCompared {
		do(func() {
			f.addText(diffName(c.agent+c.agency, c.from, c.to), text("diff", "--agent", c.agent, "--agency", c.agency, "--from", c.from, "--to", c.to, "--json"))
		})
	}
	for _, e := range goldenEvidence {
		do(func() {
			bundle := filepath.Join(out, "evidence "+e.name)
			text(append([]string{"evidence", "--agent", "A100001", "--friday", e.friday, "--out", bundle}, strings.Fields(e.more)...)...)
			addBundle(f, e.name, bundle)
		})
	}
	f.must(work.Wait())
	for _, name := range []string{"2025-12-19/book-of-business_A100001_2025-12-19.xlsx", "2025-11-14/G200001.xlsx"} {
		f.add("verify "+name, "%s", bytes.TrimSpace(text("verify", filepath.Join(out, name), "--json")))
	}
}

// addRejected adds the rejections, and adds them again without their reasons, whose
// wording may change. They are decoded and encoded again, because a subject that is
// not UTF-8 is written in two ways: a store keeps replacement characters, and a
// dump escapes the bytes.
func addRejected(f *facts, text []byte) {
	var whole, bare bytes.Buffer
	for line := range bytes.Lines(text) {
		var r projections.RejectedEvent
		f.must(json.Unmarshal(line, &r))
		f.must(json.NewEncoder(&whole).Encode(r))
		r.Reason = ""
		f.must(json.NewEncoder(&bare).Encode(r))
	}
	f.addText("rejected", whole.Bytes())
	f.addText("rejected, without reasons", bare.Bytes())
}

// addWritten adds the workbook that a line of export --json names.
func addWritten(f *facts, line []byte) {
	var w struct {
		AgentID  string `json:"agent_id"`
		AgencyID string `json:"agency_id"`
		Friday   string
		Rows     int
		SHA256   string
		Path     string
	}
	if err := json.Unmarshal(line, &w); err != nil {
		f.Errorf("%q: %v", line, err)
		return
	}
	text, err := os.ReadFile(w.Path)
	if err != nil {
		f.Error(err)
		return
	}
	if sum := sha256.Sum256(text); w.SHA256 != hex.EncodeToString(sum[:]) {
		f.Errorf("%s has another hash than the export says", w.Path)
	}
	addBook(f, cmp.Or(w.AgentID, w.AgencyID), w.Friday, w.Rows, text)
}

// addBook adds a workbook, and separately its sheet of rows, whose only wording is
// the column headers.
func addBook(f *facts, owner, friday string, rows int, text []byte) {
	f.add(bookName(owner, friday), "%d rows, %d bytes, sha256 %x", rows, len(text), sha256.Sum256(text))
	files, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		f.Error(err)
		return
	}
	sheet, err := files.Open("xl/worksheets/sheet1.xml")
	if err != nil {
		f.Error(err)
		return
	}
	defer sheet.Close()
	cells, err := io.ReadAll(sheet)
	if err != nil {
		f.Error(err)
	}
	f.addText("cells of "+friday+" "+owner, cells)
}

// addBundle adds every file of a bundle. The bundle must verify.
func addBundle(f *facts, name, bundle string) {
	files, err := os.ReadDir(bundle)
	if err != nil {
		f.Error(err)
		return
	}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(bundle, file.Name()))
		if err != nil {
			f.Error(err)
			return
		}
		f.addText("evidence, "+name+", "+file.Name(), text)
	}
	accepted := 0
	for i, key := range goldenKeys {
		report, err := proof.Verify(f.Context(), bundle, proof.Options{Key: key})
		found := "does not verify"
		switch {
		case err == nil:
			accepted++
			found = fmt.Sprintf("verified as %s of %s, Friday %s", report.Kind, report.Agent, report.Friday)
		case !errors.Is(err, proof.ErrMismatch):
			f.Errorf("evidence, %s: %v", name, err)
		}
		f.add(fmt.Sprintf("evidence, %s, with key %d", name, i+1), "%s", found)
	}
	if accepted == 0 {
		f.Errorf("evidence, %s: it verifies with neither key", name)
	}
}
