package command_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"bookledger/cmd/internal/node"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record/treehead"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/replay"
)

// sealed seals all Fridays of a data folder, as a daemon does.
func sealed(t *testing.T, data string) (vkey string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "seal.key"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	dump := func() []byte { return []byte(must(t, "", "journal", "dump", "--data", data)) }
	appended := func(body []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		l, err := node.Open(t.Context(), node.Options{Dir: data})
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Journal.Append(t.Context(), []journal.Message{{Subject: events.SubjectSeal, Body: body}})
		if err = errors.Join(err, l.Close()); err != nil {
			t.Fatal(err)
		}
	}
	r, seals := sealsOf(t, dump())
	origin := treehead.Origin(r.LedgerID())
	signer, err := treehead.Signer(origin, key.(ed25519.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range seals {
		appended(checkpoint.EncodeSeal(s, r.Calendar()))
		now, _ := sealsOf(t, dump())
		root, err := now.TreeRoot(now.Summary().Position)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := treehead.Head{Origin: origin, Size: now.Summary().Position, Root: root}.Sign(signer)
		if err != nil {
			t.Fatal(err)
		}
		appended(checkpoint.EncodeSignature(s.Friday, signed, r.Calendar()))
	}
	vkey, err = treehead.KeyText(origin, key.(ed25519.PrivateKey).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return vkey
}

// sealsOf replays a dump and computes the seals of its Fridays.
func sealsOf(t *testing.T, dump []byte) (r *replay.Replay, seals []events.Sealed) {
	t.Helper()
	r = replay.New()
	r.OnFriday(func(f checkpoint.Friday) error {
		agents, err := checkpoint.AgentsOf(context.Background(), r.State(), r.Calendar(), f.Friday, 2)
		if err != nil {
			return err
		}
		root, err := r.TreeRoot(f.Boundary)
		if err != nil {
			return err
		}
		s, err := f.SealOf(agents, root, fold.RulesNumber)
		seals = append(seals, s)
		return err
	})
	if err := r.Dump(t.Context(), bytes.NewReader(dump), nil); err != nil || len(seals) == 0 {
		t.Fatal(len(seals), err)
	}
	return r, seals
}

// audits is the auditors' program.
type audits struct {
	t    *testing.T
	path string
}

func newAudits(t *testing.T) audits {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bookaudit")
	if out, err := exec.Command("go", "build", "-o", path, "bookledger/cmd/bookaudit").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return audits{t, path}
}

func (a audits) verify(want int, says string, args ...string) {
	a.t.Helper()
	c := exec.Command(a.path, append([]string{"verify"}, args...)...)
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		a.t.Fatal(err)
	}
	if code := c.ProcessState.ExitCode(); code != want || !strings.Contains(string(out), says) {
		a.t.Errorf("%q: exit code %d, want %d and %q:\n%s", args, code, want, says, out)
	}
}

// TestEvidence goes the whole way of an auditor: from the folder of a ledger to
// bundles that the auditors' program verifies.
func TestEvidence(t *testing.T) {
	data, out := t.TempDir(), t.TempDir()
	past := bookdemo(t, "generate", "--agents", "3", "--consumers", "40", "--weeks", "3", "--seed", "5", "--until", "2026-11-21T06:00:00Z")
	must(t, past, "history", "load", "-", "--data", data, "--close")
	unsealed := filepath.Join(out, "unsealed.ndjson")
	if err := os.WriteFile(unsealed, []byte(must(t, "", "journal", "dump", "--data", data)), 0o600); err != nil {
		t.Fatal(err)
	}
	key := sealed(t, data)
	dump := filepath.Join(out, "dump.ndjson")
	if err := os.WriteFile(dump, []byte(must(t, "", "journal", "dump", "--data", data)), 0o600); err != nil {
		t.Fatal(err)
	}
	keyFile := file(t, key+"\n")
	a := newAudits(t)
	n := 0
	bundle := func(args ...string) string {
		n++
		folder := filepath.Join(out, "new", fmt.Sprint("bundle", n))
		must(t, "", append([]string{"evidence", "--agent", "A100001", "--out", folder}, args...)...)
		return folder
	}
	ofData := bundle("--data", data, "--friday", "2026-11-20")
	ofDump := bundle("--journal", dump, "--friday", "2026-11-20") // later ones pass as time does
	for _, folder := range []string{ofData, ofDump} {
		a.verify(0, "VERIFIED", folder)
		a.verify(0, "The key that you gave", folder, "--key", keyFile)
		a.verify(0, `"verified":true`, folder, "--key", key, "--json")
	}
	if same, err := exec.Command("diff", "-r", ofData, ofDump).CombinedOutput(); err != nil {
		t.Errorf("of the folder and of its dump the bundles differ: %s", same)
	}
	if left, err := filepath.Glob(filepath.Join(out, "new", ".*")); err != nil || len(left) > 0 {
		t.Errorf("beside the bundles lie %v, %v", left, err)
	}
	earlier := bundle("--journal", dump, "--friday", "2026-11-13")
	a.verify(0, "that you kept is of the same history", ofDump, "--head", filepath.Join(earlier, "head.txt"))
	a.verify(0, "VERIFIED", bundle("--journal", dump, "--only", "records"), "--key", key)
	a.verify(0, "There is no row of case 17", bundle("--journal", dump, "--case", "17"), "--key", key)
	a.verify(3, "the key that was given", ofDump, "--key", another(t, key))

	workbook := filepath.Join(ofDump, "book.xlsx")
	made := filepath.Join(out, "book.xlsx")
	must(t, "", "export", "--journal", dump, "--agent", "A100001", "--friday", "2026-11-20", "--out", made)
	if verified := must(t, "", "verify", workbook, "--journal", dump); !strings.Contains(verified, "byte for byte") {
		t.Errorf("it says %s", verified)
	}
	f, err := excelize.OpenFile(workbook)
	if err != nil {
		t.Fatal(err)
	}
	if err := errorsOf(f.SetCellValue("Book of Business", "H2", "Someone"), f.SaveAs(workbook), f.Close()); err != nil {
		t.Fatal(err)
	}
	a.verify(3, "cell H2 (column Primary Last Name)", ofDump)
	r := run(t, "", "verify", workbook, "--journal", dump)
	if r.code != 3 || !strings.Contains(r.err, "cell H2 (column Primary Last Name)") || !strings.Contains(r.err, `"Someone"`) {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	t.Run("refusals", func(t *testing.T) { refusals(t, dump, unsealed, made) })
	t.Run("tampered dumps", func(t *testing.T) { tamperedDumps(t, dump) })
	t.Run("history files", func(t *testing.T) { historyFiles(t, past) })
	t.Run("no bundles", func(t *testing.T) { noBundles(t, a, ofData) })
}

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

// tamperedDumps holds that no command takes a dump that does not verify, and
// that each names the record, whatever part of it the answer would need.
func tamperedDumps(t *testing.T, dump string) {
	early := filepath.Join(t.TempDir(), "early.xlsx")
	must(t, "", "export", "--journal", dump, "--agent", "A100001", "--friday", "2026-11-13", "--out", early)
	commands := [][]string{
		{"status"}, {"fridays"}, {"rejected"}, {"exports"}, {"active", "--agent", "A100001"}, {"active", "--agent", "A100001", "--friday", "2026-11-13"},
		{"active", "--agent", "A100001", "--at", "2026-11-12T12:00:00Z"}, {"explain", "--case", "5000032500"},
		{"diff", "--agent", "A100001", "--from", "2026-11-06", "--to", "2026-11-13"}, {"export", "--agent", "A100001", "--friday", "2026-11-13", "--out", "OUT"},
		{"evidence", "--agent", "A100001", "--friday", "2026-11-13", "--out", "OUT"}, {"evidence", "--agent", "A100001", "--out", "OUT"}, {"verify", early},
	}
	for name, c := range tamperings(t, dump) {
		path := file(t, c.text)
		if r := run(t, "", "verify", early, "--journal", path, "--json"); r.code != 3 || !strings.Contains(r.out, `"verified":false,"difference":"`) {
			t.Errorf("%s: for programs: exit code %d: %s%s", name, r.code, r.out, r.err)
		}
		for _, args := range commands {
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

// historyFiles holds that a history file, which has no seals, serves as before,
// and that one which cannot be read has failed and was not refused.
func historyFiles(t *testing.T, past string) {
	path, book := file(t, past), filepath.Join(t.TempDir(), "book.xlsx")
	must(t, "", "export", "--journal", path, "--agent", "A100001", "--out", book)
	if said := must(t, "", "verify", book, "--journal", path); !strings.Contains(said, "VERIFIED") {
		t.Errorf("it says %s", said)
	}
	for _, bad := range []string{file(t, past+"nonsense\n"), file(t, past[:len(past)-20]), path + "-is-not-there", t.TempDir()} {
		for _, args := range [][]string{{"status"}, {"fridays"}, {"verify", book}} {
			if r := run(t, "", append(args, "--journal", bad)...); r.code != 1 {
				t.Errorf("%q of %s: exit code %d: %s", args, bad, r.code, r.err)
			}
		}
	}
}

// noBundles holds what the auditors' program says of folders whose contents are
// no bundle, and of what is no folder.
func noBundles(t *testing.T, a audits, bundle string) {
	copied := func(change func(manifest string)) string {
		to := t.TempDir()
		if err := os.CopyFS(to, os.DirFS(bundle)); err != nil {
			t.Fatal(err)
		}
		change(filepath.Join(to, "bundle.json"))
		return to
	}
	written := func(text func(string) string) func(string) {
		return func(manifest string) {
			old, err := os.ReadFile(manifest)
			if err = errorsOf(err, os.WriteFile(manifest, []byte(text(string(old))), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for says, folder := range map[string]string{
		"holds no bundle.json": copied(func(manifest string) {
			if err := os.Remove(manifest); err != nil {
				t.Fatal(err)
			}
		}),
		"cannot be read":          copied(written(func(string) string { return "nonsense" })),
		"is of version 9":         copied(written(func(old string) string { return strings.Replace(old, `"version": 1`, `"version": 9`, 1) })),
		"names the version 0 and": copied(written(func(old string) string { return strings.Replace(old, `"version": 1`, `"version": 0`, 1) })),
	} {
		a.verify(3, says, folder)
		a.verify(3, "DOES NOT VERIFY", folder)
		a.verify(3, `"verified":false`, folder, "--json")
		a.verify(3, says, folder, "--json")
	}
	a.verify(1, "", filepath.Join(bundle, "nowhere"))
	a.verify(1, "", filepath.Join(bundle, "bundle.json"))
}

// another is a key of the same name as the ledger's, and not its own.
func another(t *testing.T, key string) string {
	t.Helper()
	name, _, _ := strings.Cut(key, "+")
	text, err := treehead.KeyText(name, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func errorsOf(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

func refusals(t *testing.T, dump, unsealed, workbook string) {
	taken := t.TempDir()
	if err := os.WriteFile(filepath.Join(taken, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	text := file(t, "no workbook")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{3, "not sealed", []string{"evidence", "--journal", unsealed, "--agent", "A100001", "--out", "OUT"}},
		{1, "not empty", []string{"evidence", "--journal", dump, "--agent", "A100001", "--out", taken}},
		{1, "nobody knows it", []string{"evidence", "--journal", dump, "--agent", "A9", "--out", "OUT"}},
		{1, "Thursday", []string{"evidence", "--journal", dump, "--agent", "A100001", "--friday", "2026-11-19", "--out", "OUT"}},
		{2, "--agent", []string{"evidence", "--journal", dump, "--out", "OUT"}},
		{2, "--journal", []string{"evidence", "--agent", "A100001", "--out", "OUT"}},
		{2, "--only", []string{"evidence", "--journal", dump, "--agent", "A100001", "--only", "some", "--out", "OUT"}},
		{2, "not both", []string{"evidence", "--journal", dump, "--agent", "A100001", "--only", "records", "--case", "1", "--out", "OUT"}},
		{2, "need --case", []string{"evidence", "--journal", dump, "--agent", "A100001", "--member", "1", "--out", "OUT"}},
		{2, "--member and --year", []string{"evidence", "--journal", dump, "--agent", "A100001", "--case", "17", "--member", "1", "--out", "OUT"}},
		{0, "", []string{"verify", workbook, "--journal", unsealed}},
		{0, "", []string{"verify", workbook, "--journal", dump, "--agent", "A100001", "--friday", "2026-11-20", "--json"}},
		{3, "cell", []string{"verify", workbook, "--journal", dump, "--agent", "A100002"}},
		{3, "", []string{"verify", workbook, "--journal", dump, "--friday", "2026-11-13"}},
		{3, "nobody knows it", []string{"verify", workbook, "--journal", dump, "--agency", "G9"}},
		{3, "has not come", []string{"verify", workbook, "--journal", dump, "--friday", "2030-11-22"}},
		{3, "cannot be read", []string{"verify", text, "--journal", dump}},
		{2, "--journal", []string{"verify", workbook}},
		{2, "not both", []string{"verify", workbook, "--journal", dump, "--agent", "A1", "--agency", "G1"}},
		{2, "--friday", []string{"verify", workbook, "--journal", dump, "--friday", "latest"}},
		{1, "no such file", []string{"verify", text + "x", "--journal", dump}},
	} {
		out := filepath.Join(t.TempDir(), "out")
		for i := range c.args {
			if c.args[i] == "OUT" {
				c.args[i] = out
			}
		}
		r := run(t, "", c.args...)
		if r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("%q: exit code %d, want %d and %q: %s", c.args, r.code, c.code, c.says, r.err)
		}
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(out), "*")); err != nil || len(left) > 0 {
			t.Errorf("%q leaves %v, %v", c.args, left, err)
		}
	}
}
