package command_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bookledger/cmd/internal/fixture"
	"bookledger/events/journal"
)

// rewriteJournal replaces the journal of a folder by one with the same events at
// other times, as someone with write access to the disk could.
func rewriteJournal(t *testing.T, data string) {
	t.Helper()
	dump := must(t, "", "journal", "dump", "--data", data)
	folder := filepath.Join(data, "journal")
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	var j *journal.Journal
	for line := range strings.Lines(dump) {
		var l struct {
			Seq             uint64
			Subject, Header string
			Event           json.RawMessage
		}
		err := json.Unmarshal([]byte(line), &l)
		switch {
		case err != nil:
		case l.Seq == 1:
			j, err = journal.Open(t.Context(), journal.Options{Dir: folder, Genesis: l.Event})
		default:
			_, err = j.Append(t.Context(), []journal.Message{{Subject: l.Subject, Recorded: l.Header, Body: l.Event}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRewrittenJournalIsRefused rewrites a sealed journal and rebuilds the projection
// from it. The two agree with each other, but not with the seals and signatures, so
// no command exports a book from the folder.
func TestRewrittenJournalIsRefused(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	past := bookdemo(t, "generate", "--agents", "3", "--consumers", "20", "--weeks", "3", "--seed", "5", "--until", "2026-11-21T06:00:00Z")
	must(t, past, "history", "load", "-", "--data", data, "--close")
	must(t, "", "evidence", "--data", data, "--agent", "A100001", "--friday", "2026-11-20", "--out", filepath.Join(t.TempDir(), "bundle")) // which seals
	must(t, "", "status", "--data", data)
	rewriteJournal(t, data)
	refused := func(what, says string, args ...string) {
		t.Helper()
		if r := run(t, "", append(args, "--data", data)...); r.code != 3 || !strings.Contains(r.err, says) {
			t.Errorf("%s: %s: exit code %d, %s", what, args[0], r.code, r.err)
		}
		if text, err := os.ReadFile(filepath.Join(data, "integrity-violation")); err != nil || len(text) == 0 {
			t.Errorf("%s: %s: got recorded violation %q, %v", what, args[0], text, err)
		}
	}
	refused("rewritten", "record 1 ", "status")
	if err := os.Rename(filepath.Join(data, "projection"), filepath.Join(t.TempDir(), "projection")); err != nil {
		t.Fatal(err)
	}
	must(t, "", "status", "--data", data)
	refused("rebuilt", "record 1 ", "export", "--all", "--out", t.TempDir())
	refused("rebuilt", "seal", "journal", "verify")
	refused("verified", "seal", "export", "--all", "--out", t.TempDir())

	p := serve(t, data)
	fixture.Eventually(t, "both violations are logged", func() bool { return strings.Count(p.text(), "integrity violation") == 2 }) // the recorded one and the new one
	if code, body := get(t, p.http+"/readyz"); code != 503 || !strings.Contains(body, "seal") {
		t.Errorf("readyz: got %d %s", code, body)
	}
	if code := p.stop(t); code != 0 {
		t.Error(p.text())
	}
	refused("served", "seal", "export", "--all", "--out", t.TempDir())
}
