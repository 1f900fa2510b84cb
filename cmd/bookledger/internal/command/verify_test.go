package command_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bookledger/cmd/internal/fixture"
)

// found is what journal verify says as JSON.
type found struct {
	Verified           bool
	Records, Unapplied uint64
	TreeRoot           string `json:"tree_root"`
	Seq                uint64
	Kind               string
}

// verify verifies the journal of a folder, with the exit code that belongs to
// what is found.
func verify(t *testing.T, data string) (found, string) {
	t.Helper()
	r := run(t, "", "journal", "verify", "--json", "--data", data)
	if r.code != 0 && r.code != 3 {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	f := decode[found](t, r.out)[0]
	if f.Verified != (r.code == 0) {
		t.Fatalf("exit code %d, and %+v", r.code, f)
	}
	return f, r.err
}

// load loads lines of history into a folder.
func load(t *testing.T, data string, lines []string) {
	t.Helper()
	must(t, strings.Join(lines, ""), "history", "load", "-", "--data", data)
}

// copyFolder copies a folder that nobody has open.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestVerify verifies the journal's own files: as they are, cut back to an
// earlier copy, forked from one, of another ledger, and with a byte that was
// changed on the disk.
func TestVerify(t *testing.T) {
	t.Parallel()
	lines := strings.SplitAfter(bookdemo(t, "generate", "--agents", "5", "--consumers", "120", "--weeks", "2", "--seed", "5", "--until", "2026-11-21"), "\n")[:900]
	data, earlier, forked := t.TempDir(), filepath.Join(t.TempDir(), "earlier"), filepath.Join(t.TempDir(), "forked")
	load(t, data, lines[:500])
	copyFolder(t, data, earlier)
	copyFolder(t, data, forked)
	load(t, data, lines[500:])
	load(t, forked, lines[501:])

	whole, _ := verify(t, data)
	if !whole.Verified || whole.Records != 901 || whole.Unapplied != 0 || len(whole.TreeRoot) != 64 {
		t.Fatalf("the journal itself: %+v", whole)
	}
	if text := must(t, "", "journal", "verify", "--data", data); !strings.Contains(text, "All 901 records") || !strings.Contains(text, whole.TreeRoot) {
		t.Error(text)
	}
	journals := map[string]string{"cut back": earlier, "forked": forked, "of another ledger": t.TempDir()}
	load(t, journals["of another ledger"], lines)
	for what, want := range map[string]found{
		"cut back":          {Records: 501, Seq: 502, Kind: "missing"},
		"forked":            {Records: 501, Seq: 502, Kind: "changed"},
		"of another ledger": {Seq: 1, Kind: "changed"},
	} {
		tampered := t.TempDir()
		copyFolder(t, data, tampered)
		copyFolder(t, filepath.Join(journals[what], "journal"), filepath.Join(tampered, "journal"))
		record := fmt.Sprint("record ", want.Seq)
		before := must(t, "", "journal", "dump", "--data", tampered)
		for _, args := range [][]string{
			{"serve", "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0"}, {"status"}, {"export", "--all", "--out", t.TempDir()},
		} {
			if r := run(t, "", append(args, "--data", tampered)...); r.code != 3 || !strings.Contains(r.err, record) ||
				(args[0] == "serve") != strings.Contains(r.err, "ALARM") {
				t.Errorf("%s: %s: exit code %d, %s", what, args[0], r.code, r.err)
			}
			if text, err := os.ReadFile(filepath.Join(tampered, "unsound")); !strings.Contains(string(text), record) {
				t.Errorf("%s: %s: the folder keeps %q, %v", what, args[0], text, err)
			}
		}
		if must(t, "", "journal", "dump", "--data", tampered) != before {
			t.Errorf("%s: something was appended to a journal that is not what was applied", what)
		}
		if got, text := verify(t, tampered); got != want || !strings.Contains(text, record) {
			t.Errorf("%s: found %+v (%s), want %+v", what, got, text, want)
		}
	}
	// What was appended and not applied is in no tree.
	behind := t.TempDir()
	copyFolder(t, earlier, behind)
	copyFolder(t, filepath.Join(data, "journal"), filepath.Join(behind, "journal"))
	if got, _ := verify(t, behind); !got.Verified || got.Records != 501 || got.Unapplied != 400 {
		t.Errorf("behind: found %+v", got)
	}
	t.Run("a byte on the disk", func(t *testing.T) {
		spoilt := t.TempDir()
		copyFolder(t, data, spoilt)
		seq := spoil(t, spoilt)
		if got, text := verify(t, spoilt); got.Verified || got.Seq != seq || got.Records != seq-1 {
			t.Errorf("found %+v (%s), want record %d", got, text, seq)
		}
		out := filepath.Join(t.TempDir(), "books")
		for _, args := range [][]string{
			{"export", "--data", spoilt, "--all", "--out", out},
			{"evidence", "--data", spoilt, "--agent", "A100001", "--out", out},
			{"journal", "change-key", "--data", spoilt},
		} {
			if r := run(t, "", args...); r.code != 3 || !strings.Contains(r.err, fmt.Sprint("record ", seq)) {
				t.Errorf("%s: exit code %d, %s", args[0], r.code, r.err)
			}
		}
		must(t, "", "status", "--data", spoilt)
		if err := os.RemoveAll(filepath.Join(spoilt, "journal")); err != nil {
			t.Fatal(err)
		}
		copyFolder(t, filepath.Join(data, "journal"), filepath.Join(spoilt, "journal"))
		if got, text := verify(t, spoilt); !got.Verified {
			t.Errorf("mended: %+v (%s)", got, text)
		}
		if _, err := os.Stat(filepath.Join(spoilt, "unsound")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("what was found stays: %v", err)
		}
	})
}

// TestServeAlarm serves a ledger of which a byte was changed on the disk, far
// from the head that is checked first: the daemon says so, and is not ready.
func TestServeAlarm(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	load(t, data, strings.SplitAfter(bookdemo(t, "generate", "--agents", "5", "--consumers", "60", "--weeks", "2", "--seed", "5", "--until", "2026-11-21"), "\n"))
	p := serve(t, data)
	fixture.Eventually(t, "the journal is compared", func() bool { return metric(t, p, "bookledger_journal_compared_whole_total") == "1" })
	fixture.Eventually(t, "it is ready", func() bool { code, _ := get(t, p.http+"/readyz"); return code == 200 })
	if metric(t, p, "bookledger_sound") != "1" {
		t.Fatalf("the alarm rings: %s", p.text())
	}
	if code := p.stop(t); code != 0 {
		t.Fatal(p.text())
	}

	mended := filepath.Join(t.TempDir(), "journal")
	copyFolder(t, filepath.Join(data, "journal"), mended)
	seq := spoil(t, data)
	p = serve(t, data)
	fixture.Eventually(t, "the alarm rings", func() bool { return metric(t, p, "bookledger_sound") == "0" })
	want := fmt.Sprint("record ", seq, " is missing")
	if code, body := get(t, p.http+"/readyz"); code != 503 || !strings.Contains(body, want) {
		t.Errorf("readyz says %d %s", code, body)
	}
	fixture.Eventually(t, "the log says so", func() bool {
		text := p.text()
		return strings.Contains(text, `"level":"error"`) && strings.Contains(text, want)
	}) // it comes by a pipe of its own
	if code, _ := get(t, p.http+"/healthz"); code != 200 {
		t.Error("it is ended by the alarm")
	}
	if code := p.stop(t); code != 0 {
		t.Error(p.text())
	}
	if r := run(t, "", "export", "--data", data, "--all", "--out", t.TempDir()); r.code != 3 || !strings.Contains(r.err, want) {
		t.Errorf("export: exit code %d, %s", r.code, r.err)
	}
	copyFolder(t, mended, filepath.Join(data, "journal"))
	p = serve(t, data)
	fixture.Eventually(t, "the mended journal is compared", func() bool { return metric(t, p, "bookledger_sound") == "1" })
	if !strings.Contains(p.text(), want) {
		t.Error("what was found before was not told")
	}
	if code := p.stop(t); code != 0 {
		t.Error(p.text())
	}
	must(t, "", "export", "--data", data, "--all", "--out", t.TempDir())
}

// spoil changes one byte of an event in the files of a journal, and returns
// its sequence.
func spoil(t *testing.T, data string) uint64 {
	t.Helper()
	lines := decode[struct {
		Seq   uint64
		Event struct{ ID string }
	}](t, must(t, "", "journal", "dump", "--data", data))
	r := lines[299]
	blocks, err := filepath.Glob(filepath.Join(data, "journal/jetstream/LEDGER/streams/LEDGER/msgs/*.blk"))
	if err != nil || len(blocks) == 0 {
		t.Fatal(blocks, err)
	}
	for _, path := range blocks {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(text, []byte(`"id":"`+r.Event.ID+`"`))
		if at < 0 {
			continue
		}
		text[at+6] ^= 1
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return r.Seq
	}
	t.Fatalf("no block holds event %s", r.Event.ID)
	return 0
}
