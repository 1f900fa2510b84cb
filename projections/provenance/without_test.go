package provenance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/provenance"
	"bookledger/projections/replay"
	"bookledger/schemas"
)

var (
	someCases  = []string{"5000000001", "5000000002"}
	someAgents = []string{"a1", "a2", "a3"}
)

// journal is a whole ledger that is drawn: few cases, agents and members, so
// that they meet, over the turn of a year.
type journal struct {
	t       *rapid.T
	now     time.Time
	records []record.Record
	last    string // the latest id
}

func drawn(t *rapid.T) *journal {
	j := &journal{t: t, now: events.DefaultCalendar().Cutoff(20261211).Add(-24 * time.Hour)}
	j.add(events.SubjectControl, events.SourceLedger, &events.HistoryClosed{}) // so that every record has a recorded time
	for range rapid.IntRange(5, 60).Draw(t, "events") {
		if rapid.IntRange(0, 2).Draw(t, "moves") == 0 {
			j.now = j.now.Add(time.Duration(rapid.IntRange(0, 5*24).Draw(t, "hours")) * time.Hour)
		}
		if data := j.data(); strings.HasPrefix(events.TypeOf(data), "delegation.") {
			j.add("ledger.delegation.calheers", "calheers", data)
		} else {
			j.add("ledger.consumer.calheers", "calheers", data)
		}
	}
	j.now = j.now.Add(8 * 24 * time.Hour) // all but the last show in a book, if they do
	j.add("ledger.consumer.calheers", "calheers", j.data())
	return j
}

func (j *journal) add(subject, source string, data events.Data) {
	seq := uint64(len(j.records) + 1)
	if j.last == "" || rapid.IntRange(0, 19).Draw(j.t, "again") < 19 {
		j.last = fmt.Sprint("e", seq)
	}
	body, err := events.Event{ID: j.last, Source: source, Type: events.TypeOf(data), Time: j.now, Data: data}.Encode()
	if err != nil {
		j.t.Fatal(err)
	}
	j.records = append(j.records, record.Record{Seq: seq, Stamped: j.now.UTC(), Subject: subject, Body: body})
}

func (j *journal) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(j.t, label)
}

func (j *journal) data() events.Data {
	id := j.pick("case", someCases...)
	if rapid.Bool().Draw(j.t, "of a delegation") {
		return j.delegation(id)
	}
	m, year := j.pick("member", "m1", "m2"), rapid.IntRange(2026, 2027).Draw(j.t, "year")
	switch j.pick("consumer", "household", "application", "member", "member", "removed", "eligibility", "enrollment", "enrollment", "closed") {
	case "household":
		return &events.HouseholdRecorded{CaseID: id, PrimaryContact: events.Contact{FirstName: j.pick("name", "Ann", "Bo")}}
	case "application":
		return &events.ApplicationRecorded{CaseID: id, ApplicationYear: year, CurrentStatus: j.pick("status", "Submitted", "Enrolled")}
	case "member":
		return &events.MemberRecorded{Member: events.Member{CaseID: id, MemberID: m, FirstName: j.pick("name", "Ann", "Bo")}}
	case "removed":
		return &events.MemberRemoved{Member: events.Member{CaseID: id, MemberID: m}}
	case "eligibility":
		return &events.EligibilityDetermined{CaseID: id, MemberID: m, ApplicationYear: year,
			Program: j.pick("program", "covered_california", "medi_cal"), Status: j.pick("eligible", "eligible", "pending")}
	case "closed":
		return &events.CaseClosed{CaseID: id}
	}
	return &events.EnrollmentRecorded{CaseID: id, EnrollmentID: j.pick("enrollment", "n1", "n2", "n3"), ApplicationYear: year,
		CoverageKind: "health", MemberIDs: []string{m}, Carrier: j.pick("carrier", "X", "Y"), Status: j.pick("enrolled", "enrolled", "cancelled")}
}

func (j *journal) delegation(id string) events.Data {
	d := events.Delegation{CaseID: id, AgentID: j.pick("agent", someAgents...)}
	switch j.pick("delegation", "requested", "requested", "accepted", "accepted", "declined", "withdrawn", "created", "inactive", "reactivated", "transferred", "ended") {
	case "requested":
		return &events.DelegationRequested{Delegation: d}
	case "accepted":
		return &events.DelegationAccepted{Delegation: d}
	case "declined":
		return &events.DelegationDeclined{Delegation: d}
	case "withdrawn":
		return &events.DelegationWithdrawn{Delegation: d}
	case "created":
		return &events.DelegationCreated{Delegation: d}
	case "inactive":
		return &events.DelegationMarkedInactive{Delegation: d}
	case "reactivated":
		return &events.DelegationReactivated{Delegation: d}
	case "transferred":
		return &events.DelegationTransferred{CaseID: id, FromAgentID: d.AgentID, ToAgentID: j.pick("to", someAgents...)}
	}
	return &events.DelegationEnded{Delegation: d}
}

// rowOf is a row of an agent's book.
type rowOf struct {
	agent string
	book.Key
}

// replayed is what a replay makes of records: the books, and the records about
// each case.
type replayed struct {
	provenance.Explainer
	books   []map[rowOf]string // what stands in the rows, of each Friday
	entries map[string][]provenance.Entry
}

func booksOf(t *rapid.T, records []record.Record, columns []book.Column) *replayed {
	r, all := replay.New(), &replayed{entries: map[string][]provenance.Entry{}}
	r.OnJudged(func(rec *record.Decoded, v replay.Verdict) error {
		if id := rec.CaseID; id != "" {
			all.entries[id] = append(all.entries[id], replay.EntryOf(rec, v))
		}
		return nil
	})
	r.OnCheckpoint(func(f checkpoint.Checkpoint) error {
		rows := map[rowOf]string{}
		for _, agent := range someAgents {
			b, err := book.ForAgent(context.Background(), r.State(), r.Calendar(), f.Week, agent)
			if errors.Is(err, book.ErrUnknown) {
				continue
			}
			if err != nil {
				return err
			}
			for i := range b.Rows {
				rows[rowOf{agent, b.Rows[i].Key()}] = text(&b.Rows[i], columns)
			}
		}
		all.Weeks, all.books = append(all.Weeks, f.Week), append(all.books, rows)
		return nil
	})
	for i := range records {
		if _, err := r.Apply(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	all.Calendar, all.Columns, all.Open = r.Calendar(), columns, r.OpenFriday()
	return all
}

// text is what stands in a row.
func text(r *book.Row, columns []book.Column) string {
	var out strings.Builder
	for _, c := range columns {
		fmt.Fprintf(&out, "%s|", c.Field(r))
	}
	return out.String()
}

// unsaid are the records with one in whose place stands another of the same id
// and time that says nothing.
// So are those after it that changed nothing.
func unsaid(records []record.Record, e *provenance.Entry, about []provenance.Entry) []record.Record {
	all := slices.Clone(records)
	for _, one := range about {
		if one.Seq != e.Seq && (one.Seq < e.Seq || one.Outcome != record.Unchanged) {
			continue
		}
		family, _, _ := strings.Cut(one.Event.Type, ".")
		all[one.Seq-1].Body = bytes.Replace(all[one.Seq-1].Body, []byte(one.Event.Type), []byte(family+".nothing_said.v1"), 1)
	}
	return all
}

// TestWithout holds, for every event of whole ledgers that are drawn, that the
// book in which it first shows is the first that holds other cells where the
// ledger is replayed without it; the same for the books of each agent, but for
// the events that took a case out of them; and that it is among those that
// decided each row that would be otherwise.
func TestWithout(t *testing.T) {
	set, err := schemas.ColumnSet("1")
	if err != nil {
		t.Fatal(err)
	}
	var columns []book.Column
	for _, c := range set.Columns {
		columns = append(columns, columnsOf(c.Field)...)
	}
	looked, shown := 0, map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		j := drawn(t)
		is := booksOf(t, j.records, columns)
		for _, id := range someCases {
			without := map[uint64]*replayed{}
			for _, e := range is.entries[id] {
				if e.Event.Type == "" { // it could not be read
					continue
				}
				other := booksOf(t, unsaid(j.records, &e, is.entries[id]), columns)
				looked, without[e.Seq] = looked+1, other
				if is.first(other, "") != 0 {
					shown[e.Event.Type]++
				}
			}
			is.checkFirst(t, id, without)
			is.checkDecided(t, id, without)
		}
	})
	t.Logf("%d events, of which showed in a book %v", looked, shown)
	for _, eventType := range []string{"delegation.requested.v1", "delegation.accepted.v1", "consumer.member_recorded.v1"} {
		if shown[eventType] == 0 {
			t.Errorf("no %s has shown in a book", eventType)
		}
	}
}

func (r *replayed) checkFirst(t *rapid.T, id string, without map[uint64]*replayed) {
	took := map[uint64]bool{} // the case out of a book
	for _, agent := range append(slices.Clone(someAgents), "") {
		all, err := r.Explain(context.Background(), id, r.entries[id], agent)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range all {
			if active(x.Before) && !active(x.After) {
				took[x.Seq] = true
			}
			if without[x.Seq] == nil || took[x.Seq] {
				continue
			}
			if want := r.first(without[x.Seq], agent); x.Shown.Friday != want {
				t.Fatalf("case %s, for %q: record %d first shows in the book of %s (%+v); without it the first other is that of %s\n%s",
					id, agent, x.Seq, x.Shown.Friday, x.Shown, want, inWords(r.entries[id]))
			}
		}
	}
}

func (r *replayed) checkDecided(t *rapid.T, id string, without map[uint64]*replayed) {
	for i, f := range r.Weeks {
		s, err := r.Standing(context.Background(), id, r.entries[id], f, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range s.Rows {
			key := rowOf{s.AgentID, row.Key}
			for seq, other := range without {
				if r.books[i][key] != other.books[i][key] && !slices.Contains(row.Seqs, seq) {
					t.Fatalf("the row %+v of %s is otherwise without record %d, and decided by %v\n%s", key, f.Friday, seq, row.Seqs, inWords(r.entries[id]))
				}
			}
		}
	}
}

// active tells whether a case stands in the agent's books, by what it is to that
// one.
func active(relation string) bool {
	return strings.HasPrefix(relation, "active") || strings.HasPrefix(relation, "inactive")
}

// first is the first Friday for which the agent's book, or with none any, is
// another.
func (r *replayed) first(other *replayed, agent string) events.Date {
	for i, f := range r.Weeks {
		if !maps.Equal(ofAgent(r.books[i], agent), ofAgent(other.books[i], agent)) {
			return f.Friday
		}
	}
	return 0
}

func ofAgent(rows map[rowOf]string, agent string) map[rowOf]string {
	if agent == "" {
		return rows
	}
	own := maps.Clone(rows)
	maps.DeleteFunc(own, func(k rowOf, _ string) bool { return k.agent != agent })
	return own
}

// inWords are entries, to be read.
func inWords(entries []provenance.Entry) string {
	var out strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&out, "%d %s %s %s %+v\n", e.Seq, e.Recorded.Format(time.DateTime), e.Outcome, e.Event.Type, e.Event.Data)
	}
	return out.String()
}
