package command_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tampered is a dump that somebody has changed, and what is said of it.
type tampered struct{ text, says string }

// tamperings are a dump changed in each way.
func tamperings(t *testing.T, dump string) map[string]tampered {
	t.Helper()
	text, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Collect(bytes.Lines(text))
	last := len(all) - 1
	fridays := decode[struct{ Boundary int }](t, must(t, "", "fridays", "--journal", dump, "--json"))
	late := fridays[len(fridays)-1].Boundary - 1 // in the week of the latest Friday
	joined := func(lines [][]byte) string { return string(bytes.Join(lines, nil)) }
	with := func(n int, line []byte) string {
		return joined(slices.Replace(slices.Clone(all), n, n+1, line))
	}
	changed := func(n int, from, to string) string {
		for !bytes.Contains(all[n], []byte(from)) {
			n--
		}
		return with(n, bytes.Replace(all[n], []byte(from), []byte(to), 1))
	}
	return map[string]tampered{
		"deleted":             {joined(slices.Delete(slices.Clone(all), 40, 41)), "record 42: the one before it was 40"},
		"the first deleted":   {joined(all[1:]), "record 2: the one before it was 0"},
		"swapped":             {joined(slices.Replace(slices.Clone(all), 40, 42, all[41], all[40])), "record 42: the one before it was 40"},
		"doubled":             {joined(slices.Insert(slices.Clone(all), 40, all[40])), "record 41: the one before it was 41"},
		"no JSON":             {with(40, []byte("{\"seq\":41,nonsense\n")), "record 41 of the dump"},
		"the first no JSON":   {with(0, []byte("nonsense\n")), "record 1 of the dump"},
		"too long":            {with(40, bytes.Repeat([]byte("x"), 5<<20)), "line 41"},
		"cut":                 {string(text[:len(text)-len(all[last])/2]), fmt.Sprintf("the dump ends in the middle of record %d's line", last+1)},
		"a byte of the past":  {changed(60, `"last_name":"`, `"last_name":"X`), "between record 1 and"},
		"a byte of late":      {changed(late, `"source":"calheers"`, `"source":"calheert"`), "record"},
		"a byte of genesis":   {changed(0, `ledger.genesis.v1`, `ledger.genesit.v1`), "genesis"},
		"another ledger's id": {changed(0, `"ledger_id":"`, `"ledger_id":"x`), "record"},
	}
}

// TestTamperedDumps holds that no command takes a dump that does not verify,
// and that each names the record, whatever part of it the answer would need.
// All commands open dumps in one way, so each way of tampering meets a third of
// them, and each command a third of the ways.
func TestTamperedDumps(t *testing.T) {
	t.Parallel()
	const dump = "../../testdata/golden/dump.ndjson" // of which all Fridays are sealed
	early := filepath.Join(t.TempDir(), "early.xlsx")
	must(t, "", "export", "--journal", dump, "--agent", "A100001", "--friday", "2025-12-12", "--out", early)
	commands := [][]string{
		{"status"}, {"fridays"}, {"rejected"}, {"exports"}, {"active", "--agent", "A100001"}, {"active", "--agent", "A100001", "--friday", "2025-12-12"},
		{"active", "--agent", "A100001", "--at", "2025-12-11T12:00:00Z"}, {"explain", "--case", "5000032500"},
		{"diff", "--agent", "A100001", "--from", "2025-12-05", "--to", "2025-12-12"}, {"export", "--agent", "A100001", "--friday", "2025-12-12", "--out", "OUT"},
		{"evidence", "--agent", "A100001", "--friday", "2025-12-12", "--out", "OUT"}, {"evidence", "--agent", "A100001", "--out", "OUT"}, {"verify", early},
	}
	all := tamperings(t, dump)
	for n, name := range slices.Sorted(maps.Keys(all)) {
		c, path := all[name], file(t, all[name].text)
		if r := run(t, "", "verify", early, "--journal", path, "--json"); r.code != 3 || !strings.Contains(r.out, `"verified":false,"difference":"`) {
			t.Errorf("%s: for programs: exit code %d: %s%s", name, r.code, r.out, r.err)
		}
		for i, args := range commands {
			if (i+n)%3 != 0 {
				continue
			}
			args = append(slices.Clone(args), "--journal", path)
			for i := range args {
				if args[i] == "OUT" {
					args[i] = filepath.Join(t.TempDir(), "out")
				}
			}
			if r := run(t, "", args...); r.code != 3 || !strings.Contains(r.err, c.says) || r.out != "" {
				t.Errorf("%s: %q: exit code %d, want 3 and %q: %s%s", name, args, r.code, c.says, r.out, r.err)
			}
		}
	}
}
