package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/audit"
	"bookledger/projections/replay"
)

// trail is a ledger with exports of every kind, one record a line. A line is
// the day of November 2026, the event type and its data; or the day, the step,
// the person, the role, the owner, the Friday's day, and the expected check.
// Cutoffs are on Saturdays at 05:00 UTC.
const trail = `
10 agency.registered.v1 {"agency_id":"G1","name":"Delta"}
10 agency.agent_certified.v1 {"agent_id":"A1","agency_id":"G1"}
10 agency.agent_certified.v1 {"agent_id":"A2","agency_id":"G1"}
10 agency.agent_certified.v1 {"agent_id":"A3","agency_id":"G2"}
10 agency.staff_assigned.v1 {"person_id":"P-m","agency_id":"G1","role":"manager"}
10 agency.staff_assigned.v1 {"person_id":"P-2","agency_id":"G1","role":"admin_l2"}
10 agency.staff_assigned.v1 {"person_id":"P-1","agency_id":"G1","role":"admin_l1"}
10 delegation.created.v1 {"case_id":"1","agent_id":"A1"}
10 delegation.created.v1 {"case_id":"2","agent_id":"A2"}
11 requested P-m manager G1 13: not allowed: the cutoff of 2026-11-13 had not passed
16 requested P-a agent A1 13: allowed if the token named the person as agent A1
16 made P-a agent A1 13: allowed if the token named the person as agent A1
16 declined P-a agent A1 13:
16 denied P-n none A1 13:
16 made P-n none A1 13: not allowed: in the role none the person had no access to the book
16 made P-m manager A1 13: allowed
16 made P-m manager G1 13: allowed
16 made P-2 admin_l2 G1 13: allowed
16 made P-1 admin_l1 G1 13: allowed
16 made P-1 admin_l1 A2 13: allowed
16 made P-m admin_l2 G1 13: not allowed: in the role admin_l2 the person had no access to the book
16 made P-n manager G1 13: not allowed: in the role manager the person had no access to the book
16 made P-m manager A3 13: not allowed: in the role manager the person had no access to the book
16 made P-x auditor A3 13: not decidable: auditor is a role in the token
16 made P-x auditor A9 13: not allowed: in the role auditor the person had no access to the book
16 made P-o operator A1 13: not allowed: in the role operator the person had no access to the book
16 requested P-m manager A1 6: not allowed: the cutoff of 2026-11-06 had not passed
17 agency.agent_moved.v1 {"agent_id":"A3","agency_id":"G1"}
17 agency.agent_certified.v1 {"agent_id":"A4","agency_id":"G1"}
17 made P-m manager A3 13: not allowed: the agent was not in the agency as of that Friday
17 made P-a agent A3 13: allowed if the token named the person as agent A3
17 made P-a agent A4 13: not allowed: the agent was not known as of that Friday
18 agency.agent_decertified.v1 {"agent_id":"A2"}
18 made P-1 admin_l1 G1 13: not allowed: the book contains consumers of an agent who was no longer certified
18 made P-1 admin_l1 A2 13: not allowed: in the role admin_l1 the person had no access to the book
18 made P-a agent A2 13: not allowed: in the role agent the person had no access to the book
18 made P-m manager G1 13: allowed
18 made P-o operator A2 13: not decidable: operator is a role in the token
18 requested P-m manager A1 13: allowed
18 agency.staff_removed.v1 {"person_id":"P-m","agency_id":"G1","role":"manager"}
18 made P-m manager A1 13: not allowed: in the role manager the person had no access to the book
24 made P-a agent A1 13: allowed if the token named the person as agent A1
30 made P-a agent A1 13: not allowed: the Friday was not recent enough for an agent to download
30 made P-2 admin_l2 A1 13: allowed
`

// records returns the records of the trail, and the expected check of each
// export by sequence.
func records(t *testing.T) (all []record.Record, want map[uint64]string) {
	t.Helper()
	want = map[uint64]string{}
	for line := range strings.Lines(strings.TrimSpace(trail)) {
		var day, friday int
		var kind, data, role, owner string
		r := record.Record{Seq: uint64(len(all) + 1)}
		what, check, _ := strings.Cut(line, ":")
		if n, _ := fmt.Sscan(what, &day, &kind, &data, &role, &owner, &friday); n == 6 {
			e := events.Export{PersonID: data, Role: role, AgentID: owner, Friday: events.Date(20261100 + friday)}
			if strings.HasPrefix(owner, "G") {
				e.AgentID, e.AgencyID = "", owner
			}
			step := map[string]events.Data{
				"requested": &events.ExportRequested{Export: e}, "declined": &events.ExportDeclined{Export: e},
				"denied": &events.ExportDenied{Export: e}, "made": &events.ExportMade{Export: e},
			}[kind]
			event := events.Event{ID: fmt.Sprint(r.Seq), Source: events.SourceLedger, Type: events.TypeOf(step), Time: time.Unix(0, 0), Data: step}
			var err error
			if r.Body, err = event.Encode(); err != nil {
				t.Fatal(err)
			}
			r.Subject, want[r.Seq] = events.SubjectExport, strings.TrimSpace(check)
		} else {
			if _, err := fmt.Sscan(line, &day, &kind, &data); err != nil {
				t.Fatal(err)
			}
			family, _, _ := strings.Cut(kind, ".")
			r.Subject = "ledger." + family + ".test"
			r.Body = fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"test","type":%q,"time":"2026-11-01T00:00:00Z","data":%s}`, r.Seq, kind, data)
		}
		r.Stamped = time.Date(2026, 11, day, 12, 0, int(r.Seq), 0, time.UTC)
		all = append(all, r)
	}
	return all, want
}

// applyAll replays records, all of which must be applied.
func applyAll(t *testing.T, r *replay.Replay, all []record.Record) {
	t.Helper()
	if err := replay.RunAll(r.Steps(all...)); err != nil {
		t.Fatal(err)
	}
	if rejected := r.Rejected(); len(rejected) > 0 {
		t.Fatalf("records were rejected: %+v", rejected)
	}
}

// TestCheckExports checks that each export is decided by the ledger at its
// record and as of its Friday.
func TestCheckExports(t *testing.T) {
	all, want := records(t)
	first := replay.New()
	applyAll(t, first, all)
	if len(first.Exports()) != len(want) {
		t.Fatalf("got %d exports, want %d", len(first.Exports()), len(want))
	}
	again := replay.New()
	checked, err := audit.CheckExports(again, again.Steps(all...), first.Exports(), 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range checked {
		if e.Check != want[e.Seq] || e.Seq != first.Exports()[i].Seq || e.Refused() != strings.HasPrefix(want[e.Seq], "not allowed") {
			t.Errorf("record %d, %s as %s of %s%s: %q, want %q", e.Seq, e.Step, e.Role, e.AgentID, e.AgencyID, e.Check, want[e.Seq])
		}
	}
}
