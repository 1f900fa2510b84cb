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
	largeListAgent = "A-busy" // has 10,000 consumers
	largeBookAgent = "A-book" // has a book of 2,000 rows
)

// manyConsumers returns the events of an agent with many consumers. Each household
// has two members.
func manyConsumers(agent string, consumers int) (all []events.Data) {
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

// loadRequest is a request of a load test.
type loadRequest struct{ method, path, token, body string }

// load sends n requests at a fixed rate per second, without waiting for earlier
// ones, and returns the sorted durations since each request was due. Every response
// must have status 200.
func load(tb testing.TB, base string, rate, n int, next func(i int) loadRequest) []time.Duration {
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
			failed[i] = send(tb.Context(), client, base, next(i))
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

func send(ctx context.Context, client *http.Client, base string, a loadRequest) error {
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
		err = fmt.Errorf("%s %s: got status %d, want 200", a.method, a.path, answer.StatusCode)
	}
	return errors.Join(err, answer.Body.Close())
}

func percentile(sorted []time.Duration, p int) float64 {
	return float64(sorted[(len(sorted)-1)*p/100].Microseconds()) / 1000
}

// startBusy starts a server with an agent who has 10,000 consumers and one who has a
// book of 2,000 rows. It returns a token of each.
func startBusy(b *testing.B) (s *testServer, busyToken, bookToken string) {
	w := synthetic.Config{Agents: 2, Consumers: 10, Weeks: 2, Seed: 1, Until: time.Now().Add(-time.Minute)}
	s = startWith(b, serverOptions{people: []issuer.Person{
		{Person: access.Person{ID: "P-busy", AgentID: largeListAgent}, Role: "agent"},
		{Person: access.Person{ID: "P-book", AgentID: largeBookAgent}, Role: "agent"},
	}}, w, slices.Concat(manyConsumers(largeListAgent, 10_000), manyConsumers(largeBookAgent, 1000))...)
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

// BenchmarkActive requests the Active Consumers list of an agent with 10,000
// consumers 100 times a second: filtered, sorted, and searched in pages of 50, and
// the whole list of 2,000. For comparison, it also measures /healthz.
func BenchmarkActive(b *testing.B) {
	s, bearer, _ := startBusy(b)
	list := "/v1/agents/" + largeListAgent + "/active"
	queries := []loadRequest{
		{"GET", list + "?status=Enrolled&sort=-updated&page_size=50", bearer, ""},
		{"GET", list + "?carrier=Kaiser+Permanente&sort=last_name&page=3&page_size=50", bearer, ""},
		{"GET", list + "?household_type=Covered+California&page_size=50", bearer, ""},
		{"POST", list + "/search", bearer, `{"q":"first12","sort":"-case_id","page_size":50}`},
	}
	whole := []loadRequest{{"GET", list + "?status=Enrolled&sort=-updated", bearer, ""}, {"GET", list, bearer, ""}}
	bare := loadRequest{"GET", "/healthz", "", ""}
	for _, q := range append(whole, queries...) { // warm
		must(b, send(b.Context(), http.DefaultClient, s.url, q))
	}
	for b.Loop() {
		pages := load(b, s.url, loadRate, loadSize, func(i int) loadRequest { return queries[i%len(queries)] })
		lists := load(b, s.url, loadRate, loadSize, func(i int) loadRequest { return whole[i%len(whole)] })
		nothing := load(b, s.url, loadRate, loadSize, func(int) loadRequest { return bare })
		b.ReportMetric(percentile(pages, 50), "page-p50-ms")
		b.ReportMetric(percentile(pages, 99), "page-p99-ms")
		b.ReportMetric(percentile(lists, 99), "2000-p99-ms")
		b.ReportMetric(percentile(nothing, 99), "bare-p99-ms")
	}
}

// BenchmarkBook downloads a book of 2,000 rows, one download at a time, and measures
// from the yes to the last byte. For comparison, it measures two answers of no,
// which also append two records to the journal.
func BenchmarkBook(b *testing.B) {
	s, _, bearer := startBusy(b)
	yes, err := json.Marshal(map[string]any{"disclaimer": "1", "accepted": true})
	must(b, err)
	book := loadRequest{"POST", "/v1/agents/" + largeBookAgent + "/books/latest", bearer, string(yes)}
	for b.Loop() {
		var books, bare []time.Duration
		for range 40 {
			begin := time.Now()
			must(b, send(b.Context(), http.DefaultClient, s.url, book))
			books = append(books, time.Since(begin))
			begin = time.Now()
			for range 2 {
				if got := s.doWithToken(bearer, "POST", book.path, map[string]any{"accepted": false}); got.StatusCode != http.StatusNoContent {
					b.Fatalf("got status %d after a no, want 204", got.StatusCode)
				}
			}
			bare = append(bare, time.Since(begin))
		}
		slices.Sort(books)
		slices.Sort(bare)
		b.ReportMetric(percentile(books, 50), "p50-ms")
		b.ReportMetric(percentile(books, 95), "p95-ms")
		b.ReportMetric(percentile(bare, 95), "bare-p95-ms")
	}
}

// BenchmarkCrowd lets 500 agents download books of 40 rows at the same time, as on a
// Friday night. It measures until the last byte.
func BenchmarkCrowd(b *testing.B) {
	const agents = 500
	var as serverOptions
	var more []events.Data
	for i := range agents {
		id := fmt.Sprintf("A-crowd-%03d", i)
		as.people = append(as.people, issuer.Person{Person: access.Person{ID: "P-" + id, AgentID: id}, Role: "agent"})
		more = append(more, manyConsumers(id, 20)...)
	}
	s := startWith(b, as, synthetic.Config{Agents: 2, Consumers: 10, Weeks: 2, Seed: 1, Until: time.Now().Add(-time.Minute)}, more...)
	asks := make([]loadRequest, agents)
	for i := range asks {
		token, err := s.issuer.Token(as.people[i].ID, "bookledger", time.Hour)
		must(b, err)
		asks[i] = loadRequest{"POST", "/v1/agents/" + as.people[i].AgentID + "/books/latest", token, `{"disclaimer":"1","accepted":true}`}
	}
	var took []time.Duration
	for b.Loop() {
		took = append(took, load(b, s.url, 1_000_000, agents, func(i int) loadRequest { return asks[i] })...)
		slices.Sort(took)
		b.ReportMetric(percentile(took, 50), "p50-ms")
		b.ReportMetric(percentile(took, 95), "p95-ms")
		b.ReportMetric(percentile(took, 100), "max-ms")
	}
}
