package command_test

import (
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	demo "bookledger/cmd/bookdemo/command"
)

// TestDemo runs the whole system, and holds what it left against itself: the
// folder, the dump and the books of another run say the same.
func TestDemo(t *testing.T) {
	data := t.TempDir()
	out := bookdemo(t, "--once", "--data", data, "--seed", "3", "--until", "2026-11-21")
	for _, want := range []string{"Loaded 6 past weeks", "Published 40 live events", "it is rejected", "Wrote the books of Friday 2026-11-20", "Try next"} {
		if !strings.Contains(out, want) {
			t.Errorf("the demo does not say %q: %s", want, out)
		}
	}
	described(t, data)

	dump := filepath.Join(t.TempDir(), "dump.ndjson")
	if err := os.WriteFile(dump, []byte(must(t, "", "journal", "dump", "--data", data)), 0o600); err != nil {
		t.Fatal(err)
	}
	if live, replayed := statusOf(t, "--data", data), statusOf(t, "--journal", dump); live != replayed || live.Position == 0 {
		t.Errorf("the folder says %+v, its dump %+v", live, replayed)
	}
	for _, question := range [][]string{
		{"fridays", "--json"}, {"rejected", "--json"},
		{"active", "--json", "--agent", "A100001"}, {"active", "--json", "--agent", "A100001", "--friday", "2026-11-06"},
	} {
		ofData := must(t, "", append(question, "--data", data)...)
		if ofDump := must(t, "", append(question, "--journal", dump)...); ofData != ofDump || ofData == "" {
			t.Errorf("%v: the folder says %.300s, its dump %.300s", question, ofData, ofDump)
		}
	}

	again := t.TempDir()
	bookdemo(t, "--once", "--data", again, "--seed", "3", "--until", "2026-11-21")
	sameBooks(t, filepath.Join(data, "books"), filepath.Join(again, "books"))

	fromDump := filepath.Join(t.TempDir(), "books")
	must(t, "", "export", "--journal", dump, "--all", "--friday", "2026-11-20", "--out", fromDump)
	sameBooks(t, filepath.Join(data, "books"), fromDump)
}

// TestDemoUse holds that the demo's commands say what they do, and refuse what
// they cannot do.
func TestDemoUse(t *testing.T) {
	ledger := t.TempDir()
	must(t, bookdemo(t, "generate", "--agents", "1", "--consumers", "3", "--weeks", "1", "--until", "2026-11-21"), "history", "load", "-", "--data", ledger)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"--help", 0, "Example"},
		{"generate --help", 0, "Example"},
		{"--once --data " + ledger, 3, "no demo's"},
		{"--once --listen 0.0.0.0:0", 2, "loopback"},
		{"--until 2999-01-01", 2, "future"},
		{"generate --agents 0", 2, "agents"},
		{"generate --until yesterday", 2, "--until"},
	} {
		var out strings.Builder
		if code := demo.Run(t.Context(), strings.Fields(c.args), strings.NewReader(""), &out, &out); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("bookdemo %s: exit code %d, want %d and %q: %.300s", c.args, code, c.code, c.says, out.String())
		}
	}
}

// described checks what outsiders find in demo.json.
func described(t *testing.T, data string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "demo.json"))
	if err != nil {
		t.Fatal(err)
	}
	var described struct {
		Portal, NATS string
		Identities   []struct {
			Role     string
			PersonID string `json:"person_id"`
			AgentID  string `json:"agent_id"`
			AgencyID string `json:"agency_id"`
		}
	}
	if err := json.Unmarshal(text, &described); err != nil {
		t.Fatal(err)
	}
	if described.Portal == "" || described.NATS == "" {
		t.Errorf("demo.json names no portal or no NATS: %s", text)
	}
	agencies, most := map[string]bool{}, 0
	roles := map[string]int{}
	for _, i := range described.Identities {
		roles[i.Role]++
		if i.Role != "agent" {
			continue
		}
		agencies[i.AgencyID] = true
		list := decode[struct{ Total int }](t, must(t, "", "active", "--json", "--data", data, "--agent", i.AgentID))[0]
		if list.Total == 0 {
			t.Errorf("agent %s has no consumers", i.AgentID)
		}
		most = max(most, list.Total)
	}
	if len(agencies) < 2 || most <= 2000 {
		t.Errorf("the agents are of %d agencies, and the largest has %d consumers", len(agencies), most)
	}
	for _, role := range []string{"agent", "manager", "admin_l1", "admin_l2", "auditor", "operator"} {
		if roles[role] == 0 {
			t.Errorf("nobody signs in as %s", role)
		}
	}
}

func sameBooks(t *testing.T, a, b string) {
	t.Helper()
	hashes := func(dir string) map[string][32]byte {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		sums := map[string][32]byte{}
		for _, e := range entries {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			sums[e.Name()] = sha256.Sum256(text)
		}
		return sums
	}
	first, second := hashes(a), hashes(b)
	if len(first) != 12 || len(second) != len(first) {
		t.Fatalf("there are %d and %d books", len(first), len(second))
	}
	for name, sum := range first {
		if second[name] != sum {
			t.Errorf("%s has other bytes the second time", name)
		}
	}
}
