package command_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWrongUse holds the exit code and the message of everything that is
// called wrongly or cannot be done.
func TestWrongUse(t *testing.T) {
	ledger := t.TempDir()
	past := bookdemo(t, "generate", "--agents", "2", "--consumers", "10", "--weeks", "2", "--seed", "1", "--until", "2026-11-21T06:00:00Z")
	must(t, past, "history", "load", "-", "--data", ledger, "--close")
	good := event("ledger.delegation.calheers", "1", "delegation.created.v1", `{"case_id":"5000032500","agent_id":"A1"}`)
	for _, c := range []struct {
		args  string
		stdin string
		code  int
		says  string
	}{
		{"nonsense", "", 2, "unknown command"},
		{"status", "", 2, "--data or --journal"},
		{"status --data x --journal y", "", 2, "--data or --journal"},
		{"status --dta x", "", 2, "unknown flag"},
		{"status --data " + filepath.Join(ledger, "none"), "", 1, "no such file"},
		{"status --data " + t.TempDir(), "", 1, "no ledger"},
		{"status --journal " + filepath.Join(ledger, "none"), "", 1, "no file"},
		{"status --journal " + ledger, "", 1, "no file"},
		{"status --journal " + file(t, "no JSON\n"), "", 1, "line 1"},
		{"status --config " + filepath.Join(ledger, "none") + " --data " + ledger, "", 1, "configuration"},
		{"status --config " + file(t, "dta: x\n") + " --data " + ledger, "", 2, "dta"},
		{"active --data " + ledger, "", 2, "--agent"},
		{"active --data " + ledger + " --agent NOBODY", "", 1, "nobody"},
		{"active --data " + ledger + " --agent A100001 --at 2026-11-20", "", 2, "--journal"},
		{"active --data " + ledger + " --agent A100001 --friday 2026-11-19", "", 1, "Thursday"},
		{"export --data " + ledger + " --out x", "", 2, "--agent"},
		{"export --data " + ledger + " --all", "", 2, "--out"},
		{"export --data " + ledger + " --agent A100001 --out x --friday tomorrow", "", 2, "--friday"},
		{"export --data " + ledger + " --agent A100001 --out x --friday 2036-11-21", "", 1, "not come"},
		{"export --data " + ledger + " --agent A100001 --out x --friday 2006-11-24", "", 1, "before the first"},
		{"export --data " + ledger + " --agent NOBODY --out x", "", 1, "nobody"},
		{"export --data " + ledger + " --agency NOBODY --out x", "", 1, "nobody"},
		{"publish", "", 2, "accepts 1 arg"},
		{"publish " + filepath.Join(ledger, "none"), "", 1, "no such file"},
		{"publish - --nats nats://127.0.0.1:1", good, 1, "127.0.0.1:1"},
		{"validate -", good, 0, "1 events are valid"},
		{"validate -", good + "{}\n", 1, "line 2"},
		{"validate -", strings.ReplaceAll(good, "ledger.delegation", "ledger.consumer"), 1, "wrong_subject"},
		{"validate -", strings.ReplaceAll(good, "A1", strings.Repeat("A", 1<<20)), 1, "bytes"},
		{"validate -", strings.Repeat("x", 5<<20) + "\n" + good, 1, "line 1"},
		{"history load - --data " + ledger, past, 3, "closed"},
		{"history load -", past, 2, "--data or --nats"},
		{"history load - --data " + t.TempDir() + " --cutoff Someday", past, 2, "--cutoff"},
		{"history load - --data " + t.TempDir(), good, 1, "bad_recorded"},
		{"serve --listen 127.0.0.1:0", "", 2, "--data"},
		{"serve --listen 127.0.0.1:0 --nats-listen 127.0.0.1:0 --data " + ledger + " --cutoff", "", 2, "--cutoff"},
		{"serve --listen 127.0.0.1:0 --nats-listen 0.0.0.0:0 --data " + t.TempDir(), "", 2, "loopback"},
		{"serve --listen nonsense --nats-listen 127.0.0.1:0 --data " + t.TempDir(), "", 2, "--listen"},
		{"serve --listen 127.0.0.1:0 --nats-creds x --data " + t.TempDir(), "", 2, "--nats"},
	} {
		r := run(t, c.stdin, strings.Fields(c.args)...)
		if r.code != c.code || !strings.Contains(r.out+r.err, c.says) {
			t.Errorf("bookledger %s: exit code %d, want %d and %q: %.300s%.300s", c.args, r.code, c.code, c.says, r.out, r.err)
		}
	}
	if r := run(t, "", "serve", "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--data", ledger, "--cutoff", "Monday 09:00:00"); r.code != 1 || !strings.Contains(r.err, "fixed") {
		t.Errorf("another cutoff: exit code %d: %s", r.code, r.err)
	}
}

// TestPublishRefuses holds that what validate would refuse is not sent, and is
// named by its line without its values.
func TestPublishRefuses(t *testing.T) {
	data := t.TempDir()
	p := serve(t, data)
	const ssn = "900123456"
	stdin := event("ledger.consumer.calheers", "1", "consumer.member_recorded.v1", `{"case_id":"5000032500","member_id":"1","ssn_last4":"`+ssn+`"}`) +
		event("ledger.consumer.calheers", "2", "consumer.member_recorded.v1", `{"case_id":"5000032500","member_id":"1","ssn_last4":"3456"}`) +
		event("ledger.history.calheers", "3", "consumer.case_closed.v1", `{"case_id":"5000032500"}`)
	r := run(t, stdin, "publish", "-", "--nats", p.nats, "--json")
	if r.code != 1 || !strings.Contains(r.err, "line 1: schema: data.ssn_last4") || !strings.Contains(r.err, "line 3: wrong_subject") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	if want := `{"acknowledged":1,"first_seq":2,"last_seq":2,"last_id":"2"}` + "\n"; r.out != want {
		t.Errorf("acknowledged %s, want %s", r.out, want)
	}
	dump := must(t, "", "journal", "dump", "--nats", p.nats)
	p.stop(t) // and has said all
	if strings.Contains(r.err+r.out+dump+p.text(), ssn) {
		t.Error("the nine digits appear")
	}
}

// TestConfiguration holds that a flag wins over the environment, and that over
// the file.
func TestConfiguration(t *testing.T) {
	config := file(t, "data: "+filepath.Join(t.TempDir(), "of-file")+"\n")
	if r := run(t, "", "status", "--config", config); !strings.Contains(r.err, "of-file") {
		t.Errorf("the file does not count: %s", r.err)
	}
	t.Setenv("BOOKLEDGER_DATA", filepath.Join(t.TempDir(), "of-environment"))
	if r := run(t, "", "status", "--config", config); !strings.Contains(r.err, "of-environment") {
		t.Errorf("the environment does not count: %s", r.err)
	}
	if r := run(t, "", "status", "--config", config, "--data", filepath.Join(t.TempDir(), "of-flag")); !strings.Contains(r.err, "of-flag") {
		t.Errorf("the flag does not count: %s", r.err)
	}
}

// TestAlternatives holds that a flag puts its alternative from the environment
// aside.
func TestAlternatives(t *testing.T) {
	t.Setenv("BOOKLEDGER_DATA", filepath.Join(t.TempDir(), "none"))
	past := file(t, bookdemo(t, "generate", "--agents", "1", "--consumers", "3", "--weeks", "1", "--seed", "1", "--until", "2026-11-21"))
	if s := statusOf(t, "--journal", past); s.Cases != 3 {
		t.Errorf("the history file says %+v", s)
	}
}

// TestFolderOfAnother holds that a folder that holds no ledger is left as it
// was.
func TestFolderOfAnother(t *testing.T) {
	dir := t.TempDir()
	if r := run(t, "", "status", "--data", dir); r.code != 1 {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("there is %v (%v)", left, err)
	}
}

// TestCloseOverNATS holds that closing history where that is not permitted is
// refused at once.
func TestCloseOverNATS(t *testing.T) {
	p := serve(t, t.TempDir())
	past := bookdemo(t, "generate", "--agents", "1", "--consumers", "3", "--weeks", "1", "--seed", "1", "--until", "2026-11-21")
	r := run(t, past, "history", "load", "-", "--nats", p.nats, "--close")
	if r.code != 3 || !strings.Contains(r.err, "--data") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
}

// TestHelp holds that every command says what it does, with an example.
func TestHelp(t *testing.T) {
	for _, name := range []string{"", "serve", "publish", "validate", "history load", "journal dump", "active", "export",
		"fridays", "rejected", "status", "explain", "diff", "exports", "version", "completion bash"} {
		out := must(t, "", append(strings.Fields(name), "--help")...)
		if !strings.Contains(out, "Usage:") || !strings.Contains(out, "Example") && name != "completion bash" {
			t.Errorf("the help of %q is %s", name, out)
		}
	}
}

// TestMoved holds that the names of commands that have moved say where to.
func TestMoved(t *testing.T) {
	for name, to := range map[string]string{"demo": "go run ./cmd/bookdemo", "generate": "go run ./cmd/bookdemo generate"} {
		if r := run(t, "", name, "--seed", "1"); r.code != 2 || !strings.Contains(r.err, to) {
			t.Errorf("%s: exit code %d: %s", name, r.code, r.err)
		}
	}
}

// TestHistoryAgain holds that loading again after a break changes nothing.
func TestHistoryAgain(t *testing.T) {
	data := t.TempDir()
	past := bookdemo(t, "generate", "--agents", "3", "--consumers", "30", "--weeks", "3", "--seed", "2", "--until", "2026-11-21T06:00:00Z")
	half := past[:strings.LastIndexByte(past[:len(past)/2], '\n')+1]
	must(t, half, "history", "load", "-", "--data", data)
	must(t, past, "history", "load", "-", "--data", data, "--close")
	s := statusOf(t, "--data", data)
	if int(s.Duplicates) != strings.Count(half, "\n") || s.Rejected != 0 {
		t.Errorf("after loading again the ledger says %+v", s)
	}
	other := t.TempDir()
	must(t, past, "history", "load", "-", "--data", other, "--close")
	question := []string{"active", "--agent", "A100001", "--json", "--friday", "latest"}
	if a, b := must(t, "", append(question, "--data", data)...), must(t, "", append(question, "--data", other)...); a != b {
		t.Errorf("loaded at once and in two: %s and %s", a, b)
	}
	if _, err := os.Stat(filepath.Join(data, "seal.key")); err != nil {
		t.Error(err)
	}
}

// TestHistoryStaysOpen holds that whoever wanted history closed is told that it
// is not, and why, where not every line was sent.
func TestHistoryStaysOpen(t *testing.T) {
	past := bookdemo(t, "generate", "--agents", "3", "--consumers", "12", "--weeks", "2", "--seed", "2", "--until", "2026-11-21T06:00:00Z")
	data, all := t.TempDir(), strings.SplitAfter(past, "\n")
	bad := strings.Join(all[:5], "") + strings.Replace(all[5], `"recorded":"2026`, `"recorded":"2096`, 1) + strings.Join(all[6:], "")
	for _, text := range []string{bad, strings.Join(all[:5], "") + "nonsense\n"} {
		r := run(t, text, "history", "load", "-", "--data", data, "--close")
		if r.code != 1 || !strings.Contains(r.err, "history is still open") || !strings.Contains(r.err, "not sent") {
			t.Errorf("exit code %d: %s", r.code, r.err)
		}
	}
	if r := run(t, bad, "history", "load", "-", "--data", data); r.code != 1 || strings.Contains(r.err, "still open") {
		t.Errorf("without --close: exit code %d: %s", r.code, r.err)
	}
	must(t, strings.Join(slices.Delete(all, 5, 6), ""), "history", "load", "-", "--data", data, "--close")
}
