package projections_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/active"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/projections/list"
)

const (
	listAgent     = "A-1"
	listConsumers = 10_000
	listPages     = 500 // warm reads
	listChanges   = 10  // cold reads
)

// BenchmarkList reads filtered and sorted pages of the list of an agent with 10,000
// consumers. Each page is read from its own view, as a request does. After every fiftieth
// read a consumer changes, so the next read is a cold one; the lists are then also built
// from scratch, as they are without a cache. It alternates with the baseline, which
// filters and sorts all entries for the same page.
func BenchmarkList(b *testing.B) {
	p, err := projections.Open(projections.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	src := &agentRecords{now: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)}
	for i := range listConsumers {
		src.addCase(b, i)
	}
	catchUp(b, p, src.records, 512)
	all := readPage(b, p, list.Query{})
	queries := []list.Query{
		{Status: "enrolled", Program: "medi_cal", Sort: "-updated", Limit: 50},
		{Year: 2027, HouseholdType: book.CoveredCalifornia, Sort: list.ByLastName, Offset: 200, Limit: 50},
		{Carrier: "Blue Shield", Status: "Plan selected", Sort: list.ByFirstName, Limit: 2000},
		{NextSteps: "Pay the first premium", Year: 2026, Sort: "-case_id", Limit: 50},
	}
	var warm, cold, whole, bare time.Duration
	for b.Loop() {
		for i := range listPages {
			q := queries[i%len(queries)]
			start := time.Now()
			page := readPage(b, p, q)
			warm += time.Since(start)
			start = time.Now()
			want := barePage(all, q)
			bare += time.Since(start)
			if len(page) == 0 || len(page) != len(want) {
				b.Fatalf("%+v: %d entries, and %d without the list", q, len(page), len(want))
			}
			if i%(listPages/listChanges) == 0 {
				src.add(b, &events.MemberRecorded{Member: events.Member{CaseID: caseID(i), MemberID: "m9", FirstName: fmt.Sprint("Ann ", len(src.records))}})
				catchUp(b, p, src.records, 512)
				start = time.Now()
				readPage(b, p, q)
				cold += time.Since(start)
				start = time.Now()
				rebuiltPage(b, p, q)
				whole += time.Since(start)
			}
		}
	}
	n := float64(b.N * listPages)
	b.ReportMetric(float64(warm)/n, "ns/page")
	b.ReportMetric(float64(bare)/n, "bare-ns/page")
	b.ReportMetric(float64(cold)/float64(b.N*listChanges), "ns/cold")
	b.ReportMetric(float64(whole)/float64(b.N*listChanges), "ns/whole")
	closeOrFail(b, p)
}

func readPage(b *testing.B, p *projections.Projection, q list.Query) []list.Entry {
	return pageOf(b, p, q, func(v *projections.View) (*list.Lists, error) { return v.Lists(listAgent) })
}

func rebuiltPage(b *testing.B, p *projections.Projection, q list.Query) {
	pageOf(b, p, q, func(v *projections.View) (*list.Lists, error) {
		return list.New(v.Calendar(), listAgent, func(yield func(string, *fold.Case) error) error {
			return v.Live().EachRelated(listAgent, active.Holds|active.Pending, yield)
		})
	})
}

func pageOf(b *testing.B, p *projections.Projection, q list.Query, of func(*projections.View) (*list.Lists, error)) []list.Entry {
	v := openView(b, p)
	defer closeOrFail(b, v)
	lists, err := of(v)
	if err != nil {
		b.Fatal(err)
	}
	page, _ := lists.Active.Page(q, v.OpenFriday().Year())
	return page
}

// barePage filters all entries and sorts the matches, comparing names by bytes.
func barePage(all []list.Entry, q list.Query) []list.Entry {
	page := slices.Collect(func(yield func(list.Entry) bool) {
		for i := range all {
			if slices.ContainsFunc(all[i].Years, func(y list.EntryYear) bool { return bareMatch(&q, &y) }) && !yield(all[i]) {
				return
			}
		}
	})
	slices.SortFunc(page, func(a, b list.Entry) int {
		switch q.Sort {
		case "-updated":
			return cmp.Compare(b.Changed.Seq, a.Changed.Seq)
		case "-case_id":
			return strings.Compare(b.CaseID, a.CaseID)
		case list.ByLastName:
			return cmp.Or(strings.Compare(a.LastName, b.LastName), strings.Compare(a.CaseID, b.CaseID))
		}
		return cmp.Or(strings.Compare(a.FirstName, b.FirstName), strings.Compare(a.CaseID, b.CaseID))
	})
	from := min(q.Offset, len(page))
	return page[from:min(from+q.Limit, len(page))]
}

func bareMatch(q *list.Query, y *list.EntryYear) bool {
	return (q.Year == 0 || q.Year == y.ApplicationYear) &&
		(q.Status == "" || strings.EqualFold(q.Status, y.CurrentStatus)) &&
		(q.NextSteps == "" || q.NextSteps == y.NextSteps) &&
		(q.HouseholdType == "" || q.HouseholdType == y.HouseholdType) &&
		(q.Program == "" || slices.Contains(y.Programs, q.Program)) &&
		(q.Carrier == "" || slices.ContainsFunc(y.Coverage, func(c list.Coverage) bool { return c.Carrier == q.Carrier }))
}

// agentRecords collects records about an agent's consumers.
type agentRecords struct {
	now     time.Time
	records []record.Record
}

// addCase adds a case of the agent with two members and two years.
func (l *agentRecords) addCase(tb testing.TB, i int) {
	id := caseID(i)
	l.add(tb, &events.HouseholdRecorded{CaseID: id, PrimaryContact: events.Contact{
		FirstName: pick(i, "José", "Maria", "Linh", "Wei", "Anahit", "Zoë", "Robert"), LastName: pick(i/7, "García", "Nguyen", "Smith", "O'Hara", "Lee"),
		Phone: "(916) 555-0100", Email: "consumer@mail.example", SSNLast4: "7880", DateOfBirth: 19800102,
	}, Address: events.Address{Line1: "12345 Main St", City: "Sacramento", State: "CA", ZIP: "95838"}})
	l.add(tb, &events.DelegationCreated{Delegation: events.Delegation{CaseID: id, AgentID: listAgent}})
	for year := 2026; year <= 2027; year++ {
		l.add(tb, &events.ApplicationRecorded{CaseID: id, ApplicationYear: year, CurrentStatus: pick(i/3, "Enrolled", "Plan selected", "Submitted"),
			NextSteps: pick(i/11, "", "Pay the first premium", "Send proof of income")})
		for m := range 2 {
			member := fmt.Sprint("m", m)
			l.add(tb, &events.MemberRecorded{Member: events.Member{CaseID: id, MemberID: member, FirstName: "Ann"}})
			l.add(tb, &events.EligibilityDetermined{CaseID: id, MemberID: member, ApplicationYear: year, Program: pick(i/5+m, "covered_california", "medi_cal", "covered_california"), Status: "eligible"})
		}
		l.add(tb, &events.EnrollmentRecorded{CaseID: id, EnrollmentID: fmt.Sprint("e", year), ApplicationYear: year, CoverageKind: "health", MemberIDs: []string{"m0", "m1"},
			Carrier: pick(i/2, "Kaiser Permanente", "Blue Shield", "Anthem Blue Cross"), PlanName: "Silver 70 HMO", Status: "enrolled"})
	}
}

func pick(i int, of ...string) string { return of[i%len(of)] }

func (l *agentRecords) add(tb testing.TB, data events.Data) {
	l.now = l.now.Add(time.Millisecond)
	n := len(l.records) + 1
	event := events.Event{ID: fmt.Sprint(n), Source: "calheers", Type: events.TypeOf(data), Time: l.now, Data: data}
	body, err := event.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	l.records = append(l.records, record.Record{Seq: uint64(n), Stamped: l.now, Subject: event.Subject(), Body: body})
}
