package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bookledger/projections/replay"
)

// golden is a dump in which every Friday is sealed. The latest seal covers the
// records up to goldenSealed.
const (
	golden       = "../../cmd/bookledger/testdata/golden/dump.ndjson"
	goldenSealed = 2257
)

// writeFile writes text to a file whose replays report no progress.
func writeFile(t *testing.T, text []byte) replay.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dump.ndjson")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return replay.File{Path: path, Watch: func() (func(int), func()) { return func(int) {}, func() {} }}
}

// TestRejectsChangedDump changes a dump in each possible way and checks that it
// does not verify and that the error names the record.
func TestRejectsChangedDump(t *testing.T) {
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Collect(bytes.Lines(text))
	joined := func(lines [][]byte) []byte { return bytes.Join(lines, nil) }
	with := func(n int, line []byte) []byte {
		return joined(slices.Replace(slices.Clone(all), n, n+1, line))
	}
	changed := func(n int, from, to string) []byte {
		for !bytes.Contains(all[n], []byte(from)) {
			n--
		}
		return with(n, bytes.Replace(all[n], []byte(from), []byte(to), 1))
	}
	last := len(all) - 1
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"deleted":             {joined(slices.Delete(slices.Clone(all), 40, 41)), "got record 42 after record 40"},
		"first deleted":       {joined(all[1:]), "got record 2 after record 0"},
		"swapped":             {joined(slices.Replace(slices.Clone(all), 40, 42, all[41], all[40])), "got record 42 after record 40"},
		"doubled":             {joined(slices.Insert(slices.Clone(all), 40, all[40])), "got record 41 after record 41"},
		"not JSON":            {with(40, []byte("{\"seq\":41,nonsense\n")), "record 41 of the dump"},
		"first line not JSON": {with(0, []byte("nonsense\n")), "record 1 of the dump"},
		"too long":            {with(40, bytes.Repeat([]byte("x"), 5<<20)), "line 41"},
		"truncated":           {text[:len(text)-len(all[last])/2], fmt.Sprintf("the dump ends in the middle of record %d's line", last+1)},
		"byte in the past":    {changed(60, `"last_name":"`, `"last_name":"X`), "between record 1 and"},
		"byte near the end":   {changed(goldenSealed-1, `"source":"calheers"`, `"source":"calheert"`), "record"},
		"byte of genesis":     {changed(0, `ledger.genesis.v1`, `ledger.genesit.v1`), "genesis"},
		"another zone":        {changed(0, `"zone_sha256":"20`, `"zone_sha256":"21`), "applying record 1: the ledger's zone file"},
		"another ledger's id": {changed(0, `"ledger_id":"`, `"ledger_id":"x`), "record"},
	} {
		f := writeFile(t, c.text)
		err := replay.RunAll(f.Steps(context.Background(), replay.New()))
		if !errors.Is(err, replay.ErrUnverified) || !strings.Contains(err.Error(), f.Path+" does not verify: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want ErrUnverified with %q", name, err, c.want)
		}
	}
	if err := replay.RunAll(writeFile(t, text).Steps(context.Background(), replay.New())); err != nil {
		t.Errorf("unchanged dump: %v", err)
	}
	if err := replay.RunAll(writeFile(t, []byte("nonsense\n")).Steps(context.Background(), replay.New())); !errors.Is(err, replay.ErrInvalidDump) || errors.Is(err, replay.ErrUnverified) {
		t.Errorf("not a dump: got %v, want ErrInvalidDump and not ErrUnverified", err)
	}
}
