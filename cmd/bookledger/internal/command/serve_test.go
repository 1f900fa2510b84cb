package command_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bookledger/cmd/internal/fixture"
	"bookledger/events"
)

// beforeCutoff serves a ledger with one event shortly before its cutoff, or earlier
// if the machine is slow.
func beforeCutoff(t *testing.T) (p *program, cutoff time.Time) {
	t.Helper()
	zone := events.DefaultCalendar().Zone()
	for early := 4 * time.Second; ; early *= 4 {
		cutoff = time.Now().In(zone).Add(early).Truncate(time.Second)
		weekly := cutoff.Format("Monday 15:04:05")
		skipRepeatedHour(t, weekly, cutoff)
		p = serve(t, t.TempDir(), "--cutoff", weekly)
		must(t, eventLine("ledger.delegation.calheers", "1", "delegation.created.v1", `{"case_id":"5000032500","agent_id":"A1"}`), "publish", "-", "--nats", p.nats)
		fixture.Eventually(t, "the event is applied", func() bool { return metric(t, p, "bookledger_cases") == "1" })
		if time.Now().Before(cutoff) {
			return p, cutoff
		}
		p.kill()
	}
}

// skipRepeatedHour skips the test in the one hour of the year that occurs twice.
func skipRepeatedHour(t *testing.T, weekly string, cutoff time.Time) {
	t.Helper()
	spec, err := events.NewCalendarSpec(weekly)
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := events.NewCalendar(spec)
	if err != nil {
		t.Fatal(err)
	}
	if !calendar.Cutoff(calendar.Day(cutoff)).Equal(cutoff) {
		t.Skip("in this hour the clocks are put back, and its cutoff has passed")
	}
}

// TestSilentCutoffEndsWeek checks that a cutoff that no record follows ends its week
// within seconds.
func TestSilentCutoffEndsWeek(t *testing.T) {
	t.Parallel()
	p, cutoff := beforeCutoff(t)
	fixture.Eventually(t, "the week is closed and sealed", func() bool { return metric(t, p, "bookledger_sealed_cutoff_seconds") != "0" })
	dump := filepath.Join(t.TempDir(), "dump")
	if err := os.WriteFile(dump, []byte(p.dump(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	fridays := decode[struct {
		Friday   string
		Boundary uint64
		Cases    int
		Sealed   bool
	}](t, must(t, "", "fridays", "--json", "--journal", dump))
	if len(fridays) != 1 || fridays[0].Boundary != 2 || fridays[0].Cases != 1 || !fridays[0].Sealed || fridays[0].Friday != cutoff.Format(time.DateOnly) {
		t.Errorf("got checkpoints %+v", fridays)
	}
}

// TestAcknowledgedEventsSurviveKill checks that every acknowledged event is applied
// exactly once after the daemon is killed during publishing and restarted.
func TestAcknowledgedEventsSurviveKill(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	path := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(path, []byte(bookdemo(t, "generate", "--agents", "20", "--consumers", "4000", "--weeks", "2", "--seed", "5", "--until", "2026-11-21")), 0o600); err != nil {
		t.Fatal(err)
	}
	acknowledged := map[string]bool{}
	for round := range 3 {
		p := serve(t, data)
		publish := exec.Command(os.Args[0], "publish", path, "--nats", p.nats, "--json")
		publish.Env = append(os.Environ(), "BOOKLEDGER_TEST_PROGRAM=1")
		out, err := publish.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := publish.Start(); err != nil {
			t.Fatal(err)
		}
		answers := json.NewDecoder(out)
		for n := 0; ; n++ {
			var a struct {
				LastID string `json:"last_id"`
			}
			if answers.Decode(&a) != nil {
				break
			}
			acknowledged[a.LastID] = true
			if n == 3+6*round {
				p.kill()
				_ = publish.Process.Kill()
			}
		}
		_ = publish.Wait()
	}
	ids := map[string]int{}
	for _, line := range decode[struct{ Event struct{ ID string } }](t, must(t, "", "journal", "dump", "--data", data)) {
		ids[line.Event.ID]++
	}
	for id := range acknowledged {
		if ids[id] == 0 {
			t.Errorf("event %s was acknowledged, but is not in the journal", id)
		}
	}
	if len(acknowledged) < 12 {
		t.Errorf("only %d batches were acknowledged", len(acknowledged))
	}
	s := statusOf(t, "--data", data)
	if int(s.Applied+s.Rejected) != len(ids) || int(s.Position) != len(ids)+int(s.Duplicates) || s.Duplicates == 0 {
		t.Errorf("the journal has %d different events, but the status is %+v", len(ids), s)
	}
	before := s.StateHash
	if err := os.RemoveAll(filepath.Join(data, "projection")); err != nil {
		t.Fatal(err)
	}
	if after := statusOf(t, "--data", data).StateHash; after != before {
		t.Errorf("state hash after a rebuild: got %s, want %s", after, before)
	}
}

// TestStockClient publishes with the stock nats client.
func TestStockClient(t *testing.T) {
	t.Parallel()
	nats := fixture.Program(t, "nats")
	data := t.TempDir()
	p := serve(t, data, "--cutoff", fixture.Cutoff())
	client := func(args ...string) string {
		cmd := exec.Command(nats, append([]string{"--server", p.nats}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Logf("nats %v: %v: %s", args, err, out)
		}
		return string(out)
	}
	client("--timeout", "60s", "pub", "ledger.delegation.calheers", encodeEvent("calheers", "1", "delegation.created.v1", `{"case_id":"5000032500","agent_id":"A1"}`))
	client("--timeout", "60s", "pub", "ledger.consumer.calheers", encodeEvent("calheers", "2", "consumer.member_recorded.v1", `{"case_id":"5000032500","member_id":"1","ssn_last4":"900123456"}`))
	client("--timeout", "60s", "pub", "ledger.consumer.calheers", "not JSON at all")
	client("--timeout", "60s", "pub", "ledger.clock", encodeEvent("bookledger", "3", "ledger.clock.v1", `{"friday":"2026-11-20"}`))
	client("--timeout", "1s", "stream", "purge", "LEDGER", "--force")
	client("--timeout", "1s", "stream", "rm", "LEDGER", "--force")
	// With an acknowledgement, as in the README.
	if out := client("--timeout", "60s", "pub", "-J", "ledger.delegation.calheers", encodeEvent("calheers", "4", "delegation.created.v1", `{"case_id":"5000032501","agent_id":"A1"}`)); !strings.Contains(out, "Sequence: 5") {
		t.Errorf("nats pub -J: got %s", out)
	}
	fixture.Eventually(t, "four events are applied", func() bool { return metric(t, p, "bookledger_position") == "5" })
	if info := client("--nkey", p.key, "--timeout", "60s", "stream", "info", "LEDGER", "--json"); !strings.Contains(info, `"messages": 5`) {
		t.Errorf("stream info: got %s", info)
	}
	if got := client("--nkey", p.key, "--timeout", "60s", "stream", "get", "LEDGER", "4"); !strings.Contains(got, "not JSON at all") {
		t.Errorf("got record %s", got)
	}
	if out := client("--timeout", "1s", "stream", "get", "LEDGER", "4"); strings.Contains(out, "not JSON") {
		t.Errorf("without the key got record %s", out)
	}
	p.stop(t)
	if got := must(t, "", "active", "--data", data, "--agent", "A1", "--json"); !strings.Contains(got, `"total":2`) {
		t.Errorf("got list %s", got)
	}
	rejected := must(t, "", "rejected", "--data", data, "--json")
	codes := ""
	for _, r := range decode[struct{ Code, Field string }](t, rejected) {
		codes += fmt.Sprintf("%s %s;", r.Code, r.Field)
	}
	if codes != "schema data.ssn_last4;malformed ;" {
		t.Errorf("got rejected events %s", rejected)
	}
	if strings.Contains(rejected+p.text(), "900123456") {
		t.Error("the nine digits appear outside of the journal")
	}
}
