package audit_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"bookledger/projections/audit"
	"bookledger/projections/replay"
)

// TestDumpChanged checks that questions about the past are refused if the dump
// was changed or truncated after it was verified.
func TestDumpChanged(t *testing.T) {
	text, err := os.ReadFile("../../cmd/bookledger/testdata/golden/dump.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	file := replay.File{Path: filepath.Join(t.TempDir(), "dump.ndjson"), Watch: func() (func(int), func()) { return func(int) {}, func() {} }}
	write := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(file.Path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	d, err := audit.OpenDump(t.Context(), file, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.CaseHistory(t.Context(), "1"); err == nil {
		t.Error("got the history of a case whose records were not kept")
	}
	first, err := d.Checkpoint(20251212)
	latest, latestErr := d.Checkpoint(0)
	if err != nil || latestErr != nil {
		t.Fatal(err, latestErr)
	}
	for name, c := range map[string]struct {
		text []byte
		want error
	}{
		"unchanged": {text, nil},
		"one byte":  {bytes.Replace(text, []byte(`"source":"calheers"`), []byte(`"source":"calheert"`), 1), replay.ErrUnverified},
		"truncated": {bytes.Join(bytes.SplitAfter(text, []byte("\n"))[:100], nil), replay.ErrUnverified},
		"empty":     {nil, replay.ErrUnverified},
	} {
		write(c.text)
		if _, err := d.AtFriday(t.Context(), latest.Week); !errors.Is(err, c.want) {
			t.Errorf("%s: AtFriday returned %v, want %v", name, err, c.want)
		}
		if _, err := d.Compare(t.Context(), audit.Owner{Agent: "A100001"}, first.Week, latest.Week); !errors.Is(err, c.want) {
			t.Errorf("%s: Compare returned %v, want %v", name, err, c.want)
		}
		if _, err := d.At(t.Context(), latest.Cutoff); !errors.Is(err, c.want) {
			t.Errorf("%s: At returned %v, want %v", name, err, c.want)
		}
		if _, err := d.Trail(t.Context(), 5); !errors.Is(err, c.want) {
			t.Errorf("%s: Trail returned %v, want %v", name, err, c.want)
		}
	}
}
