package command_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bookledger/cmd/internal/node"
	"bookledger/events"
	"bookledger/events/journal"
)

// audited is a ledger with some past weeks and some records after them, as a
// folder and as its dump.
type audited struct {
	t          *testing.T
	data, dump string
	fridays    []string
}

const (
	auditedCase = "5000032599" // of which only what comes after the past is known
	bookText    = "a book that was taken"
)

func bookHash() string {
	sum := sha256.Sum256([]byte(bookText))
	return hex.EncodeToString(sum[:])
}

func newAudited(t *testing.T) *audited {
	t.Helper()
	a := &audited{t: t, data: t.TempDir(), dump: filepath.Join(t.TempDir(), "dump.ndjson")}
	past := bookdemo(t, "generate", "--agents", "4", "--consumers", "80", "--weeks", "4", "--seed", "5", "--until", "2026-11-21T06:00:00Z")
	must(t, past, "history", "load", "-", "--data", a.data, "--close")
	l, err := node.Open(t.Context(), node.Options{Dir: a.data})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range later(t) {
		if _, err := l.Journal.Append(t.Context(), []journal.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.dump, []byte(must(t, "", "journal", "dump", "--data", a.data)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range decode[struct{ Friday string }](t, must(t, "", "fridays", "--json", "--journal", a.dump)) {
		a.fridays = append(a.fridays, f.Friday)
	}
	return a
}

// later is what comes after the past: a case with a duplicate, a refusal and a
// record that cannot be read, and an export.
func later(t *testing.T) (all []journal.Message) {
	t.Helper()
	say := func(family, id, eventType, data string) {
		all = append(all, journal.Message{Subject: "ledger." + family + ".calheers", Body: []byte(bare("calheers", id, eventType, data))})
	}
	say("delegation", "x1", "delegation.created.v1", `{"case_id":"`+auditedCase+`","agent_id":"A100001"}`)
	say("consumer", "x2", "consumer.household_recorded.v1", `{"case_id":"`+auditedCase+`","primary_contact":{"first_name":"Zebedee"}}`)
	say("consumer", "x2", "consumer.household_recorded.v1", `{"case_id":"`+auditedCase+`","primary_contact":{"first_name":"Zebedee"}}`)
	say("consumer", "x3", "consumer.household_recorded.v1", `{"case_id":"`+auditedCase+`","primary_contact":{"first_name":"Zebedee"}}`)
	say("consumer", "x4", "consumer.member_recorded.v1", `{"case_id":"`+auditedCase+`","member_id":"1","ssn_last4":"900123456"}`)
	say("delegation", "x5", "delegation.accepted.v1", `{"case_id":"`+auditedCase+`","agent_id":"A100002"}`)
	step := events.Export{ExportID: "e1", PersonID: "P-1", Role: "manager", AgencyID: "G1", Friday: 20261120, Disclaimer: "1", Accepted: events.Yes, ExporterVersion: "7"}
	made, other := step, step
	made.Rows, made.SHA256 = 12, bookHash()
	other.PersonID, other.AgencyID, other.AgentID, other.Role, other.Accepted = "P-2", "", "A100001", "agent", events.No
	for i, data := range [...]events.Data{&events.ExportRequested{Export: step}, &events.ExportMade{Export: made}, &events.ExportDeclined{Export: other}} {
		e := events.Event{ID: fmt.Sprint("export/", i), Source: events.SourceLedger, Type: events.TypeOf(data), Time: time.Now().UTC(), Data: data}
		body, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, journal.Message{Subject: events.SubjectExport, Body: body})
	}
	return all
}

// ask asks the folder and the dump, which must say the same.
func (a *audited) ask(args ...string) string {
	a.t.Helper()
	ofData := must(a.t, "", append(slices.Clone(args), "--data", a.data)...)
	if ofDump := must(a.t, "", append(slices.Clone(args), "--journal", a.dump)...); ofData != ofDump {
		a.t.Errorf("%v: the folder says %.2000s, its dump %.2000s", args, ofData, ofDump)
	}
	return ofData
}

// TestAudit holds that explain, diff and exports say the same of a folder and
// of its dump, and what they say.
func TestAudit(t *testing.T) {
	a := newAudited(t)
	t.Run("explain", a.explain)
	t.Run("explain every row", a.explainRows)
	t.Run("diff", a.diff)
	t.Run("exports", a.exports)
	t.Run("refusals", a.refusals)
}

type explained struct {
	Seq                                               uint64
	Recorded, Time                                    time.Time
	Type, Effect, Code, Field, Before, After, Absence string
	FirstBook                                         string `json:"first_book"`
	LiveOnly                                          bool   `json:"live_only"`
	Friday                                            string
	Rows                                              []struct {
		MemberID  string   `json:"member_id"`
		DecidedBy []uint64 `json:"decided_by"`
	}
	Boundary uint64
}

func (a *audited) explain(t *testing.T) {
	all := decode[explained](t, a.ask("explain", "--case", auditedCase, "--json"))
	var got []string
	for _, e := range all {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Effect, e.Code, e.FirstBook)))
		if e.LiveOnly != (e.Effect == "applied") || e.Recorded.IsZero() || e.Time.IsZero() {
			t.Errorf("got %+v", e)
		}
	}
	if want := []string{"applied", "applied", "duplicate", "unchanged", "rejected schema", "rejected no_pending_request"}; !slices.Equal(got, want) {
		t.Errorf("the effects are %q, want %q", got, want)
	}
	text := a.ask("explain", "--case", auditedCase)
	for _, want := range []string{"rejected: schema: data.ssn_last4", "live list", "duplicate", "consumer.household_recorded.v1"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
	if all := text + a.ask("explain", "--case", auditedCase, "--json"); strings.Contains(all, "Zebedee") || strings.Contains(all, "900123456") {
		t.Errorf("the consumer's values stand in %s", all)
	}
	of := decode[explained](t, a.ask("explain", "--case", auditedCase, "--agent", "A100001", "--json"))
	if len(of) != 1 || of[0].Before != "" || of[0].After != "active" {
		t.Errorf("of the agent there is %+v", of)
	}
	of = decode[explained](t, a.ask("explain", "--case", auditedCase, "--agent", "A100002", "--json"))
	if len(of) != 1 || of[0].Code != "no_pending_request" {
		t.Errorf("of the other agent there is %+v", of)
	}
	text = a.ask("explain", "--case", auditedCase, "--friday", a.fridays[0])
	if !strings.Contains(text, "no row: it has been delegated to nobody") || strings.Contains(text, "SEQ") {
		t.Errorf("before it came: %s", text)
	}
}

// explainRows explains every case of the book of a Friday.
func (a *audited) explainRows(t *testing.T) {
	friday := a.fridays[len(a.fridays)-1]
	list := decode[struct {
		Consumers []struct {
			CaseID string `json:"case_id"`
		}
	}](t, must(t, "", "active", "--journal", a.dump, "--agent", "A100001", "--friday", friday, "--json"))[0].Consumers
	if len(list) < 5 {
		t.Fatalf("the list has %d consumers", len(list))
	}
	for _, c := range list[:5] {
		all := decode[explained](t, a.ask("explain", "--case", c.CaseID, "--friday", friday, "--json"))
		end := all[len(all)-1]
		if end.Friday != friday || len(end.Rows) == 0 || end.Absence != "" {
			t.Fatalf("case %s stands there as %+v", c.CaseID, end)
		}
		for _, row := range end.Rows {
			if len(row.DecidedBy) == 0 || slices.Max(row.DecidedBy) > end.Boundary {
				t.Errorf("row %s of case %s was decided by %v", row.MemberID, c.CaseID, row.DecidedBy)
			}
		}
		if text := a.ask("explain", "--case", c.CaseID, "--friday", "latest"); !strings.Contains(text, "In the book of agent A100001") || !strings.Contains(text, "DECIDED BY") {
			t.Errorf("case %s: %s", c.CaseID, text)
		}
	}
}

func (a *audited) diff(t *testing.T) {
	type change struct {
		Change     string
		CaseID     string `json:"case_id"`
		Columns    []struct{ Header, Old, New string }
		CausedBy   []uint64 `json:"caused_by"`
		OtherCause string   `json:"other_cause"`
	}
	kinds := map[string]int{}
	for i, from := range a.fridays[:len(a.fridays)-1] {
		args := []string{"diff", "--agent", fmt.Sprint("A10000", 1+i%4), "--from", from, "--to", a.fridays[i+1]}
		changes := decode[change](t, a.ask(append(args, "--json")...))
		for _, c := range changes {
			kinds[c.Change]++
			if len(c.CausedBy) == 0 && c.OtherCause == "" || len(c.Columns) == 0 {
				t.Errorf("%v: %+v", args, c)
			}
		}
		if text := a.ask(args...); strings.Count(text, "\nadded")+strings.Count(text, "\nremoved")+strings.Count(text, "\nchanged") != len(changes) {
			t.Errorf("%v: of %d changes: %s", args, len(changes), text)
		}
	}
	if kinds["added"] == 0 || kinds["changed"] == 0 {
		t.Errorf("the changes are %v", kinds)
	}
	if text := a.ask("diff", "--agency", "G200001", "--from", a.fridays[0]); !strings.Contains(text, "The books of agency G200001 of Friday "+a.fridays[0]) {
		t.Errorf("of the agency: %s", text)
	}
	latest := a.fridays[len(a.fridays)-1]
	for _, from := range [][]string{{"--data", a.data}, {"--journal", a.dump}} {
		for _, to := range []string{latest, "latest", a.fridays[0]} {
			args := append([]string{"diff", "--agent", "A100001", "--from", latest, "--to", to}, from...)
			if r := run(t, "", args...); r.code != 2 || !strings.Contains(r.err, "earlier") {
				t.Errorf("%v: exit code %d: %s", args, r.code, r.err)
			}
		}
	}
}

func (a *audited) exports(t *testing.T) {
	type step struct {
		Step   string
		Person string `json:"person_id"`
		SHA256 string
	}
	steps := func(args ...string) (words string) {
		for _, s := range decode[step](t, a.ask(append([]string{"exports", "--json"}, args...)...)) {
			words += s.Step + " " + s.Person + "; "
		}
		return words
	}
	found := filepath.Join(t.TempDir(), "found.xlsx")
	if err := os.WriteFile(found, []byte(bookText), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"", "declined P-2; made P-1; requested P-1; "},
		{"--agent A100001", "declined P-2; "},
		{"--agency G1", "made P-1; requested P-1; "},
		{"--person P-1", "made P-1; requested P-1; "},
		{"--person P-1 --agent A100001", ""},
		{"--sha256 " + strings.ToUpper(bookHash()), "made P-1; "},
		{"--file " + found, "made P-1; "},
		{"--file " + found + " --person P-2", ""},
	} {
		if got := steps(strings.Fields(c.args)...); got != c.want {
			t.Errorf("exports %s are %q, want %q", c.args, got, c.want)
		}
	}
	text := a.ask("exports")
	for _, want := range []string{"agency G1", "agent A100001", "1: yes", "1: no", bookHash(), "2026-11-20", "manager"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
}

// refusals holds the exit codes of what cannot be answered.
func (a *audited) refusals(t *testing.T) {
	unknown := file(t, "another book")
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"explain", 2, "--case"},
		{"explain --case no/case", 2, "--case"},
		{"explain --case 1 --friday tomorrow", 2, "--friday"},
		{"explain --case 1", 1, "no record is about it"},
		{"explain --case " + auditedCase + " --agent NOPE", 1, "nobody knows it"},
		{"explain --case " + auditedCase + " --agent NOPE --friday latest --json", 1, "nobody knows it"},
		{"explain --case " + auditedCase + " --friday 2026-11-19", 1, "Thursday"},
		{"explain --case " + auditedCase + " --friday 2006-11-24", 1, "before the first"},
		{"diff --from 2026-11-13", 2, "--agent"},
		{"diff --agent A1 --agency G1 --from 2026-11-13", 2, "--agent"},
		{"diff --agent A100001", 2, "--from"},
		{"diff --agent A100001 --from 2026-11-13 --to soon", 2, "--to"},
		{"diff --agent A100001 --from 2026-11-13 --to 2026-11-13", 2, "earlier"},
		{"diff --agent A100001 --from 2026-11-12", 1, "Thursday"},
		{"diff --agent A100001 --from 2026-11-13 --to 2036-11-21", 1, "not come"},
		{"diff --agent NOBODY --from 2026-11-13", 1, "nobody"},
		{"diff --agency NOBODY --from 2026-11-13", 1, "nobody"},
		{"exports --sha256 xyz", 2, "--sha256"},
		{"exports --sha256 00 ", 2, "--sha256"},
		{"exports --sha256 " + bookHash() + " --file x", 2, "not both"},
		{"exports --file " + filepath.Join(a.data, "none"), 1, "no such file"},
		{"exports --file " + unknown, 3, "not know"},
		{"exports --sha256 " + strings.Repeat("0", 64), 3, "not know"},
	} {
		for _, source := range [...][]string{{"--data", a.data}, {"--journal", a.dump}} {
			r := run(t, "", append(strings.Fields(c.args), source...)...)
			if r.code != c.code || !strings.Contains(r.err, c.says) || r.out != "" {
				t.Errorf("bookledger %s %s: exit code %d, want %d and %q: %.300s%.300s", c.args, source[0], r.code, c.code, c.says, r.out, r.err)
			}
		}
	}
}
