package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"bookledger/cmd/bookdemo/issuer"
	"bookledger/cmd/bookdemo/synthetic"
	"bookledger/events"
	"bookledger/projections/access"
)

const (
	busyAgent = "A-busy" // of 10,000 consumers
	bookAgent = "A-book" // of a book of 2,000 rows
)

// crowd are the events of many consumers of one agent, of two members each.
func crowd(agent string, consumers int) (all []events.Data) {
	statuses := []string{"Enrolled", "Plan selected", "Application Submitted", "Pending Verification"}
	carriers := []string{"Blue Shield", "Kaiser Permanente", "Health Net", "Anthem Blue Cross"}
	all = append(all, &events.AgentCertified{AgentID: agent, AgencyID: "G-" + agent, FirstName: "Busy", LastName: "Agent"})
	for i := range consumers {
		id := fmt.Sprintf("%s-%05d", agent, i)
		all = append(all,
			&events.DelegationCreated{Delegation: events.Delegation{CaseID: id, AgentID: agent}},
			&events.HouseholdRecorded{CaseID: id, PrimaryContact: events.Contact{
				FirstName: fmt.Sprint("First", i*7919%consumers), LastName: fmt.Sprint("Last", i%977), Phone: "5555555555",
				Email: fmt.Sprintf("c%d@mail.example", i), SSNLast4: "7880", SpokenLanguage: "English",
			}, Address: events.Address{Line1: "12345 Main St", City: "Sacramento", State: "CA", ZIP: "95838", County: "Sacramento"}},
			&events.ApplicationRecorded{CaseID: id, ApplicationYear: time.Now().Year(), CurrentStatus: statuses[i%len(statuses)]},
			&events.EnrollmentRecorded{CaseID: id, EnrollmentID: "e", ApplicationYear: time.Now().Year(), CoverageKind: "health",
				MemberIDs: []string{"m1", "m2"}, Carrier: carriers[i%len(carriers)], PlanName: "Silver 70", Status: "enrolled"})
		for _, m := range [...]string{"m1", "m2"} {
			all = append(all,
				&events.MemberRecorded{Member: events.Member{CaseID: id, MemberID: m, FirstName: "Name", LastName: "Of Member", SSNLast4: "7880"}},
				&events.EligibilityDetermined{CaseID: id, MemberID: m, ApplicationYear: time.Now().Year(), Program: "covered_california", Status: "eligible"})
		}
	}
	return all
}

// asked is one kind of request of a load.
type asked struct{ method, path, token, body string }

// load sends requests at a fixed rate, whether earlier ones were answered or
// not, and returns how long each took from the moment when it was due. A machine
// that cannot keep up answers 200 at once, and has the others wait.
func load(tb testing.TB, base string, rate, n int, what func(i int) asked) []time.Duration {
	tb.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 500, MaxConnsPerHost: 500}}
	defer client.CloseIdleConnections()
	took := make([]time.Duration, n)
	failed := make([]error, n)
	var all sync.WaitGroup
	begin := time.Now()
	for i := range n {
		due := begin.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		all.Go(func() {
			failed[i] = send(tb.Context(), client, base, what(i))
			took[i] = time.Since(due)
		})
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		tb.Fatal(err)
	}
	slices.Sort(took)
	return took
}

func send(ctx context.Context, client *http.Client, base string, a asked) error {
	r, err := http.NewRequestWithContext(ctx, a.method, base+a.path, bytes.NewReader([]byte(a.body)))
	if err != nil {
		return err
	}
	if a.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s is answered %d", a.method, a.path, answer.StatusCode)
	}
	return errors.Join(err, answer.Body.Close())
}

func percentile(sorted []time.Duration, p int) float64 {
	return float64(sorted[(len(sorted)-1)*p/100].Microseconds()) / 1000
}

// busy serves an agent of 10,000 consumers and one with a book of 2,000 rows,
// and returns a token of each.
func busy(b *testing.B) (s *site, busyToken, bookToken string) {
	w := synthetic.Config{Agents: 2, Consumers: 10, Weeks: 2, Seed: 1, Until: time.Now().Add(-time.Minute)}
	s = startAs(b, variant{people: []issuer.Person{
		{Person: access.Person{ID: "P-busy", AgentID: busyAgent}, Role: "agent"},
		{Person: access.Person{ID: "P-book", AgentID: bookAgent}, Role: "agent"},
	}}, w, slices.Concat(crowd(busyAgent, 10_000), crowd(bookAgent, 1000))...)
	tokens := [2]string{}
	for i, person := range [...]string{"P-busy", "P-book"} {
		var err error
		tokens[i], err = s.issuer.Token(person, "bookledger", time.Hour)
		must(b, err)
	}
	return s, tokens[0], tokens[1]
}

const (
	loadRate = 100
	loadSize = 1000
)

// BenchmarkActive asks for the Active Consumers of an agent with 10,000, 100
// times a second, filtered and sorted, in pages of 50, as search, and as
// all the 2,000 that a list has; the bare counterpart is a request of the same
// server that does nothing.
func BenchmarkActive(b *testing.B) {
	s, bearer, _ := busy(b)
	list := "/v1/agents/" + busyAgent + "/active"
	queries := []asked{
		{"GET", list + "?status=Enrolled&sort=-updated&page_size=50", bearer, ""},
		{"GET", list + "?carrier=Kaiser+Permanente&sort=last_name&page=3&page_size=50", bearer, ""},
		{"GET", list + "?household_type=Covered+California&page_size=50", bearer, ""},
		{"POST", list + "/search", bearer, `{"q":"first12","sort":"-case_id","page_size":50}`},
	}
	whole := []asked{{"GET", list + "?status=Enrolled&sort=-updated", bearer, ""}, {"GET", list, bearer, ""}}
	bare := asked{"GET", "/healthz", "", ""}
	for _, q := range append(whole, queries...) { // warm
		must(b, send(b.Context(), http.DefaultClient, s.url, q))
	}
	for b.Loop() {
		pages := load(b, s.url, loadRate, loadSize, func(i int) asked { return queries[i%len(queries)] })
		lists := load(b, s.url, loadRate, loadSize, func(i int) asked { return whole[i%len(whole)] })
		nothing := load(b, s.url, loadRate, loadSize, func(int) asked { return bare })
		b.ReportMetric(percentile(pages, 50), "page-p50-ms")
		b.ReportMetric(percentile(pages, 99), "page-p99-ms")
		b.ReportMetric(percentile(lists, 99), "2000-p99-ms")
		b.ReportMetric(percentile(nothing, 99), "bare-p99-ms")
	}
}

// BenchmarkBook takes a book of 2,000 rows, from the yes to its last byte, one
// after the other; the bare
// counterpart is a request that writes the same two steps into the journal and
// makes nothing: two refusals.
func BenchmarkBook(b *testing.B) {
	s, _, bearer := busy(b)
	yes, err := json.Marshal(map[string]any{"disclaimer": "1", "accepted": true})
	must(b, err)
	book := asked{"POST", "/v1/agents/" + bookAgent + "/books/latest", bearer, string(yes)}
	for b.Loop() {
		var alone, bare []time.Duration
		for range 40 {
			begin := time.Now()
			must(b, send(b.Context(), http.DefaultClient, s.url, book))
			alone = append(alone, time.Since(begin))
			begin = time.Now()
			for range 2 {
				if got := s.askWith(bearer, "POST", book.path, map[string]any{"accepted": false}); got.StatusCode != http.StatusNoContent {
					b.Fatalf("a no is answered %d", got.StatusCode)
				}
			}
			bare = append(bare, time.Since(begin))
		}
		slices.Sort(alone)
		slices.Sort(bare)
		b.ReportMetric(percentile(alone, 50), "p50-ms")
		b.ReportMetric(percentile(alone, 95), "p95-ms")
		b.ReportMetric(percentile(bare, 95), "bare-p95-ms")
	}
}

// BenchmarkCrowd has 500 agents say yes at the same moment, each to a book of
// their own of 40 rows, as on a Friday night: it reports how long they wait
// until the last byte.
func BenchmarkCrowd(b *testing.B) {
	const agents = 500
	var as variant
	var more []events.Data
	for i := range agents {
		id := fmt.Sprintf("A-crowd-%03d", i)
		as.people = append(as.people, issuer.Person{Person: access.Person{ID: "P-" + id, AgentID: id}, Role: "agent"})
		more = append(more, crowd(id, 20)...)
	}
	s := startAs(b, as, synthetic.Config{Agents: 2, Consumers: 10, Weeks: 2, Seed: 1, Until: time.Now().Add(-time.Minute)}, more...)
	asks := make([]asked, agents)
	for i := range asks {
		token, err := s.issuer.Token(as.people[i].ID, "bookledger", time.Hour)
		must(b, err)
		asks[i] = asked{"POST", "/v1/agents/" + as.people[i].AgentID + "/books/latest", token, `{"disclaimer":"1","accepted":true}`}
	}
	var took []time.Duration
	for b.Loop() {
		took = append(took, load(b, s.url, 1_000_000, agents, func(i int) asked { return asks[i] })...)
		slices.Sort(took)
		b.ReportMetric(percentile(took, 50), "p50-ms")
		b.ReportMetric(percentile(took, 95), "p95-ms")
		b.ReportMetric(percentile(took, 100), "max-ms")
	}
}
