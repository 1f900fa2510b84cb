package provenance_test

import (
	"bytes"
	"context"
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
	"bookledger/projections/fold"
	"bookledger/projections/provenance"
)

// drawStory returns a random history of a case over the turn of a year. It uses
// few agents, members and texts, so that many events affect each other.
func drawStory(t *rapid.T) *story {
	var all []any
	for range rapid.IntRange(3, 50).Draw(t, "events") {
		for range rapid.SampledFrom([]int{0, 0, 0, 0, 1, 3}).Draw(t, "weeks") {
			all = append(all, cutoff{})
		}
		all = append(all, drawEvent(t))
	}
	return newStory(append(all, cutoff{})...)
}

func drawEvent(t *rapid.T) events.Data {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	agent := func() string { return pick("agent", "a1", "a2", "a3") }
	m, year := pick("member", "m1", "m2"), rapid.IntRange(2026, 2027).Draw(t, "year")
	kinds := []string{"created", "transferred", "ended", "inactive", "reactivated", "requested", "accepted", "accepted", "declined", "closed"}
	if rapid.Bool().Draw(t, "section") {
		kinds = []string{"household", "application", "member", "member", "removed", "eligibility", "enrollment", "enrollment"}
	}
	switch pick("kind", kinds...) {
	case "created":
		return created(agent())
	case "transferred":
		return transferred(agent(), agent())
	case "ended":
		return ended(agent())
	case "inactive":
		return inactive(agent())
	case "reactivated":
		return &events.DelegationReactivated{Delegation: of(agent())}
	case "requested":
		return requested(agent())
	case "accepted":
		return accepted(agent())
	case "declined":
		return &events.DelegationDeclined{Delegation: of(agent())}
	case "closed":
		return closed()
	case "household": // no column shows the date of birth
		date := events.Date(19800101 + rapid.IntRange(0, 1).Draw(t, "born"))
		return &events.HouseholdRecorded{CaseID: caseID, PrimaryContact: events.Contact{FirstName: pick("name", "Ann", "Bo"), DateOfBirth: date}}
	case "application":
		return &events.ApplicationRecorded{CaseID: caseID, ApplicationYear: year, CurrentStatus: pick("status", "Submitted", "Enrolled")}
	case "member":
		return &events.MemberRecorded{Member: events.Member{CaseID: caseID, MemberID: m, FirstName: pick("name", "Ann", "Bo"), LastName: pick("last", "Li", "Ng")}}
	case "removed":
		return removed(m)
	case "eligibility":
		return &events.EligibilityDetermined{CaseID: caseID, MemberID: m, ApplicationYear: year, Program: pick("program", "covered_california", "medi_cal"), Status: pick("eligible", "eligible", "pending")}
	}
	return &events.EnrollmentRecorded{CaseID: caseID, EnrollmentID: pick("id", "n1", "n2", "n3"), ApplicationYear: year, CoverageKind: "health",
		MemberIDs: []string{m}, Carrier: pick("carrier", "X", "Y"), Status: pick("enrolled", "enrolled", "cancelled")}
}

// refold processes the records after start again, except those that were
// unchanged or that are dropped.
func refold(start fold.Case, entries []provenance.Entry, upTo uint64, dropped func(*provenance.Entry) bool) fold.Case {
	c := start
	for i := range entries {
		if e := &entries[i]; e.Seq <= upTo && e.Outcome != record.Unchanged && !dropped(e) {
			c, _, _ = fold.NextCase(c, e.Event.Data, fold.Position{Seq: e.Seq, Recorded: e.Recorded})
		}
	}
	c.Changed = fold.Position{} // a dropped record would change it too
	return c
}

func dropNone(*provenance.Entry) bool { return false }

func dropOnly(seq uint64) func(*provenance.Entry) bool {
	return func(e *provenance.Entry) bool { return e.Seq == seq }
}

// cells returns the rows of a case in the books of the named agents, or of all
// agents if agents is blank, as text.
func (s *story) cells(c fold.Case, f events.Date, agents string) map[book.RowKey]string {
	all := map[book.RowKey]string{}
	if agents != "" && !strings.Contains(agents, c.AgentID) {
		return all
	}
	rows := book.CaseRows(s.Calendar, caseID, &c, f)
	for i := range rows {
		text := c.AgentID
		for _, column := range s.Columns {
			text += fmt.Sprintf("|%s", column.Field(&rows[i]))
		}
		all[rows[i].Key()] = text
	}
	return all
}

// leavesBook reports whether a record takes the case out of its holder's book,
// and returns the holder.
func leavesBook(start fold.Case, entries []provenance.Entry, seq uint64) (holder string, yes bool) {
	before, after := refold(start, entries, seq-1, dropNone), refold(start, entries, seq, dropNone)
	return before.AgentID, book.InBook(&before) && (!book.InBook(&after) || after.AgentID != before.AgentID)
}

// replacedAt returns the record from which on the case is the same without
// record seq, or 0 if there is none.
func (s *story) replacedAt(seq uint64) uint64 {
	for _, e := range s.entries[seq:] {
		with, without := refold(fold.Case{}, s.entries, e.Seq, dropNone), refold(fold.Case{}, s.entries, e.Seq, dropOnly(seq))
		if bytes.Equal(fold.AppendCase(nil, &with), fold.AppendCase(nil, &without)) {
			return e.Seq
		}
	}
	return 0
}

// checkFirstAppearance compares Explain with a refold without each record.
func (s *story) checkFirstAppearance(t *rapid.T, agent string) {
	all, err := s.Explain(context.Background(), caseID, s.entries, agent)
	if err != nil {
		t.Fatal(err)
	}
	at := func(f book.Week, dropped func(*provenance.Entry) bool) map[book.RowKey]string {
		return s.cells(refold(fold.Case{}, s.entries, f.Boundary, dropped), f.Friday, agent)
	}
	for _, x := range all {
		if x.Outcome != record.Applied {
			continue
		}
		if x.FirstAppearance.Friday == 0 && !x.Live && x.Replaced != s.replacedAt(x.Seq) {
			t.Fatalf("record %d: got replaced by %d, want %d\n%s", x.Seq, x.Replaced, s.replacedAt(x.Seq), s)
		}
		want := events.Date(0)
		for _, f := range slices.Backward(s.Weeks) {
			if !maps.Equal(at(f, dropNone), at(f, dropOnly(x.Seq))) {
				want = f.Friday
			}
		}
		if holder, out := leavesBook(fold.Case{}, s.entries, x.Seq); out && (agent == "" || agent == holder) && x.FirstAppearance.Friday != want {
			i := slices.IndexFunc(s.Weeks, func(f book.Week) bool { return f.Boundary >= x.Seq })
			theirs := func(f book.Week) bool {
				return len(s.cells(refold(fold.Case{}, s.entries, f.Boundary, dropNone), f.Friday, holder)) > 0
			}
			if i > 0 && theirs(s.Weeks[i-1]) && !theirs(s.Weeks[i]) {
				want = s.Weeks[i].Friday
			}
		}
		if x.FirstAppearance.Friday != want {
			t.Fatalf("agent %q, record %d: got first book %s, want %s\n%s", agent, x.Seq, x.FirstAppearance.Friday, want, s)
		}
	}
}

// part names the section that an event replaces.
func part(data events.Data) string {
	switch d := data.(type) {
	case *events.HouseholdRecorded:
		return "household"
	case *events.ApplicationRecorded:
		return fmt.Sprint("application ", d.ApplicationYear)
	case *events.MemberRecorded:
		return "member " + d.MemberID
	case *events.MemberRemoved:
		return "member " + d.MemberID
	case *events.EligibilityDetermined:
		return fmt.Sprint("eligibility ", d.MemberID, d.ApplicationYear)
	case *events.EnrollmentRecorded:
		return "enrollment " + d.EnrollmentID
	}
	return ""
}

// decided returns the records after start that decided each row, or each change
// of a row, of a book.
func (s *story) decided(start fold.Case, entries []provenance.Entry, f events.Date, agents string, changes map[book.RowKey]book.ChangeKind) map[book.RowKey][]uint64 {
	const last = 1 << 60
	actual := refold(start, entries, last, dropNone)
	end := s.cells(actual, f, agents)
	writers, withoutSection := map[string]uint64{}, map[string]map[book.RowKey]string{}
	for i := range entries {
		e := &entries[i]
		if e.Outcome != record.Applied {
			continue
		}
		name := part(e.Event.Data)
		before, after := refold(start, entries, e.Seq-1, dropNone), refold(start, entries, e.Seq, dropNone)
		if name == "" && before.AgentID == after.AgentID && before.Since.Equal(after.Since) {
			continue
		}
		writers[name] = e.Seq
		c := actual
		if name == "" {
			c.AgentID, c.Since, c.Inactive = start.AgentID, start.Since, start.Inactive
		} else {
			w := refold(start, entries, last, func(e *provenance.Entry) bool { return part(e.Event.Data) == name })
			c.Household, c.Applications, c.Members, c.Eligibility, c.Enrollments = w.Household, w.Applications, w.Members, w.Eligibility, w.Enrollments
		}
		withoutSection[name] = s.cells(c, f, agents)
	}
	all := map[book.RowKey][]uint64{}
	inBook := func(upTo uint64) bool {
		c := refold(start, entries, upTo, dropNone)
		return book.InBook(&c) && strings.Contains(agents, c.AgentID)
	}
	for _, e := range entries {
		if e.Outcome != record.Applied {
			continue
		}
		without, name := s.cells(refold(start, entries, last, dropOnly(e.Seq)), f, agents), part(e.Event.Data)
		moved := inBook(e.Seq-1) != inBook(e.Seq)
		for k, kind := range changes {
			_, shown := end[k]
			if end[k] != without[k] || shown && writers[name] == e.Seq && end[k] != withoutSection[name][k] || moved && kind != book.Changed {
				all[k] = append(all[k], e.Seq)
			}
		}
	}
	return all
}

// checkInBook compares InBook with refolding.
func (s *story) checkInBook(t *rapid.T, f book.Week) {
	got, err := s.InBook(context.Background(), caseID, s.entries, f, "")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[book.RowKey]book.ChangeKind{}
	for k := range s.cells(refold(fold.Case{}, s.entries, f.Boundary, dropNone), f.Friday, got.AgentID) {
		rows[k] = book.Changed
	}
	want := s.decided(fold.Case{}, s.entries[:f.Boundary], f.Friday, got.AgentID, rows)
	if len(got.Rows) != len(rows) {
		t.Fatalf("%s: got %d rows, want %d\n%s", f.Friday, len(got.Rows), len(rows), s)
	}
	for _, r := range got.Rows {
		if len(r.Seqs) == 0 || !slices.Equal(r.Seqs, want[r.RowKey]) {
			t.Fatalf("%s, row %+v: got deciding records %d, want %d\n%s", f.Friday, r.RowKey, r.Seqs, want[r.RowKey], s)
		}
	}
}

// checkCauses compares Causes with refolding from the earlier Friday on.
func (s *story) checkCauses(t *rapid.T, from, to book.Week, agents string) {
	start := refold(fold.Case{}, s.entries, from.Boundary, dropNone)
	in := provenance.Interval{CaseID: caseID, Start: start, Entries: s.entries[from.Boundary:to.Boundary], From: from, To: to, InBook: func(a string) bool { return strings.Contains(agents, a) }}
	old, end := s.cells(start, from.Friday, agents), s.cells(refold(start, in.Entries, to.Boundary, dropNone), to.Friday, agents)
	kinds := map[book.RowKey]book.ChangeKind{}
	for k := range old {
		if kinds[k] = book.Changed; end[k] == "" {
			kinds[k] = book.Removed
		}
	}
	for k := range end {
		if old[k] == "" {
			kinds[k] = book.Added
		}
	}
	var changes []book.Change
	for k, kind := range kinds {
		changes = append(changes, book.Change{RowKey: k, Kind: kind})
	}
	want, unmoved := s.decided(start, in.Entries, to.Friday, agents, kinds), s.cells(start, to.Friday, agents)
	causes, err := s.Causes(context.Background(), in, changes)
	if err != nil {
		t.Fatal(err)
	}
	for i, ch := range changes {
		want := provenance.Cause{Seqs: want[ch.RowKey]}
		switch {
		case len(want.Seqs) > 0:
		case unmoved[ch.RowKey] != end[ch.RowKey]: // no single record, but several together
			for _, e := range in.Entries {
				if e.Outcome == record.Applied {
					want.Seqs = append(want.Seqs, e.Seq)
				}
			}
		case unmoved[ch.RowKey] != s.cells(start, from.Friday, agents)[ch.RowKey]:
			want.Other = provenance.NewYear
		default:
			want.Other = provenance.AgentChanged
		}
		if got := causes[i]; !slices.Equal(got.Seqs, want.Seqs) || got.Other != want.Other {
			t.Fatalf("from %s to %s, row %+v of %s: got cause %+v, want %+v\n%s", from.Friday, to.Friday, ch.RowKey, agents, got, want, s)
		}
	}
}

// TestAgainstRefolding checks every result on random histories against
// refolding them without each record in turn.
func TestAgainstRefolding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawStory(t)
		for _, agent := range []string{"", "a1", "a2"} {
			s.checkFirstAppearance(t, agent)
		}
		for i, f := range s.Weeks {
			s.checkInBook(t, f)
			if i > 0 {
				s.checkCauses(t, s.Weeks[rapid.IntRange(0, i-1).Draw(t, "from")], f, rapid.SampledFrom([]string{"a1", "a1 a2"}).Draw(t, "agents"))
			}
		}
	})
}

// String lists the records, for failure messages.
func (s *story) String() string {
	var out strings.Builder
	for _, e := range s.entries {
		fmt.Fprintf(&out, "%d %s %s %s %+v\n", e.Seq, e.Recorded.Format(time.DateTime), e.Outcome, e.Event.Type, e.Event.Data)
	}
	return out.String()
}
