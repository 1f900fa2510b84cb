package synthetic

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/fold"
	"bookledger/projections/replay"
)

func until(s string) time.Time {
	t, err := events.ParseTime(s)
	if err != nil {
		panic(err)
	}
	return t
}

// small is the Config of most tests.
func small() Config {
	return Config{Agents: 12, Consumers: 6000, Weeks: 6, Seed: 1, Until: until("2026-11-23T04:30:00Z")}
}

// configs returns configurations of different sizes, seasons and times.
func configs() []Config {
	friday := until("2026-11-21T05:00:00Z") // a cutoff, to the second
	return []Config{
		small(),
		{Agents: 1, Consumers: 0, Weeks: 1, Seed: 2, Until: friday},
		{Agents: 1, Consumers: 1, Weeks: 1, Seed: 3, Until: friday},
		{Agents: 2, Consumers: 2, Weeks: 2, Seed: 4, Until: friday.Add(-time.Nanosecond)},
		{Agents: 3, Consumers: 40, Weeks: 1, Seed: 5, Until: friday.Add(time.Second)},
		{Agents: 5, Consumers: 300, Weeks: 3, Seed: 6, Until: until("2026-03-13T12:00:00-07:00")},
		{Agents: 9, Consumers: 500, Weeks: 120, Seed: 7, Until: until("2026-07-01T12:00:00Z")},
		{Agents: 40, Consumers: 3000, Weeks: 14, Seed: 8, Until: until("2027-01-06T12:00:00Z")},
		{Agents: 700, Consumers: 4000, Weeks: 2, Seed: 9, Until: until("2026-12-18T12:00:00Z")},
		{Agents: 20, Consumers: 800, Weeks: 520, Seed: 1 << 63, Until: until("2098-12-31T23:00:00Z")},
	}
}

// TestLedgerAcceptsEverything replays histories as NDJSON, followed by live events
// and the event that the ledger must reject.
func TestLedgerAcceptsEverything(t *testing.T) {
	for _, c := range configs() {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			var lines bytes.Buffer
			write := func(recorded time.Time, e events.Event) {
				line, err := TimedEvent{recorded, e}.AppendLine(nil)
				if err != nil || len(line) > 4<<10 || bytes.Count(line, []byte("\n")) != 1 {
					t.Fatalf("%d bytes, %v: %s", len(line), err, line)
				}
				lines.Write(line)
			}
			calendar := events.DefaultCalendar()
			begin := calendar.Cutoff(c.LastFriday().AddDays(-7 * c.Weeks))
			last, busy, history := begin, make(map[events.Date]bool), 0
			g := newGenerator(c, func(i TimedEvent) bool {
				if i.Recorded.Before(last) || !i.Recorded.After(begin) || i.Recorded.After(c.Until) {
					t.Fatalf("got recorded time %v after %v: not in order, or outside of history", i.Recorded, last)
				}
				if lag := i.Recorded.Sub(i.Event.Time); lag <= 0 || lag > 2*time.Minute {
					t.Fatalf("recorded %v after the event, want at most 2 minutes", lag)
				}
				last, busy[calendar.FridayOf(i.Recorded)] = i.Recorded, true
				write(i.Recorded, i.Event)
				history++
				return true
			})
			g.run()
			for f := calendar.Next(events.DateOf(begin.In(calendar.Zone()))); c.Consumers >= 100 && f <= c.LastFriday(); f = calendar.Next(f) {
				if !busy[f] {
					t.Errorf("no events in the week of %v", f)
				}
			}
			later := c.Until.Add(time.Hour).UTC()
			for i, e := range append(c.LiveEvents(400), c.RejectedEvent()) {
				if e.Time.Before(c.Until.Add(-2 * time.Minute)) {
					t.Errorf("live event %d has time %v, before the end of history", i, e.Time)
				}
				write(later, e)
			}

			r, n := replay.New(), 0
			outcomes, seen := make(map[record.Outcome]int), make(map[string]bool)
			for step, err := range r.Dump(t.Context(), &lines, nil) {
				if err != nil {
					t.Fatal(err)
				}
				if step.Record == nil {
					continue
				}
				n++
				outcomes[step.Outcome]++
				seen[step.Record.Event.Type] = true
				if n == history {
					checkState(t, g, r, seen)
				}
			}
			if n != history+400+1 || outcomes[record.Duplicate] > 0 || outcomes[record.Unchanged] > n/15 {
				t.Errorf("got %d events of history and outcomes %v", history, outcomes)
			}
			rejected := r.Rejected()
			if len(rejected) != 1 || rejected[0].Seq != uint64(n) || rejected[0].Code != events.NoPendingRequest {
				t.Errorf("got rejected events %+v, want only the last", rejected)
			}
		})
	}
}

// checkState checks that the ledger's state is that of the generator, and that the
// people who can sign in have consumers.
func checkState(t *testing.T, g *generator, r *replay.Replay, seen map[string]bool) {
	cases, agents, active := 0, 0, make(map[string]int)
	err := errors.Join(r.State().EachCase(func(id string, c *fold.Case) error {
		cases++
		if c.AgentID != "" && !c.Inactive && !c.Closed {
			active[c.AgentID]++
		}
		checkCase(t, id, c, seen)
		return nil
	}), r.State().EachAgent(func(string, *fold.Agent) error {
		agents++
		return nil
	}))
	if err != nil || cases != g.config.Consumers || agents != g.config.Agents {
		t.Errorf("got %d cases and %d agents (%v)", cases, agents, err)
	}
	for a, n := range g.active {
		if active[agentID(a)] != n {
			t.Errorf("%s: got %d active consumers, want %d", agentID(a), active[agentID(a)], n)
		}
	}
	roles, agencies := make(map[string]int), make(map[string]bool)
	for _, id := range g.config.Identities() {
		roles[id.Role]++
		switch id.Role {
		case "agent":
			a, _, err := r.State().Agent(id.AgentID)
			if err != nil || !a.Certified || a.AgencyID != id.AgencyID || a.Name() != id.Name || agencies[id.AgencyID] {
				t.Errorf("%+v is %+v, %v", id, a, err)
			}
			agencies[id.AgencyID] = true
			if g.config.Consumers >= 2 && active[id.AgentID] == 0 {
				t.Errorf("%+v has no consumers", id)
			}
		case "manager", "admin_l1", "admin_l2":
			if s, err := r.State().Staff(id.AgencyID, id.PersonID); err != nil || s.Role != id.Role {
				t.Errorf("%+v is %+v, %v", id, s, err)
			}
		}
	}
	if roles["agent"] != min(2, g.config.Agents) || len(roles) != 6 {
		t.Errorf("got identities %v", roles)
	}
	for _, want := range []string{
		events.TypeHouseholdRecorded, events.TypeApplicationRecorded, events.TypeMemberRecorded, events.TypeMemberRemoved,
		events.TypeEligibilityDetermined, events.TypeEnrollmentRecorded, events.TypeCaseClosed,
		events.TypeDelegationRequested, events.TypeDelegationAccepted, events.TypeDelegationDeclined,
		events.TypeDelegationWithdrawn, events.TypeDelegationCreated, events.TypeDelegationMarkedInactive,
		events.TypeDelegationReactivated, events.TypeDelegationTransferred, events.TypeDelegationEnded,
		events.TypeAgencyRegistered, events.TypeAgentCertified, events.TypeAgentMoved, events.TypeAgentDecertified,
		events.TypeStaffAssigned, events.TypeStaffRemoved,
		"two years", "six members", "request while active", "no SSN", "leading zero", "accent", "apostrophe", "hyphen", "long name",
		"covered_california", "medi_cal", "mcap", "cchip", "none", "eligible", "conditionally_eligible", "ineligible", "pending",
		"health pending", "health enrolled", "health cancelled", "health terminated", "dental enrolled",
	} {
		if g.config == small() && !seen[want] {
			t.Errorf("no %s in the history", want)
		}
	}
}

// checkCase checks a case and records which special values occur.
func checkCase(t *testing.T, id string, c *fold.Case, seen map[string]bool) {
	p, a := c.Household.PrimaryContact, c.Household.Address
	beyondASCII := func(r rune) bool { return r > unicode.MaxASCII }
	for what, is := range map[string]bool{
		"two years":            len(c.Applications) == 2,
		"six members":          len(c.Members) == 6,
		"request while active": c.AgentID != "" && len(c.Pending) > 0,
		"no SSN":               p.SSNLast4 == "",
		"leading zero":         strings.HasPrefix(a.ZIP, "0"),
		"apostrophe":           strings.Contains(p.LastName, "'"),
		"hyphen":               strings.Contains(p.LastName, "-"),
		"long name":            len(p.LastName) > 25,
		"accent":               strings.ContainsFunc(p.LastName, beyondASCII),
	} {
		seen[what] = seen[what] || is
	}
	for _, e := range c.Eligibility {
		seen[e.Program], seen[e.Status] = true, true
	}
	if strings.ContainsFunc(p.Email, beyondASCII) || strings.ContainsAny(p.Email, " ") || strings.Contains(p.Email, "..") {
		t.Errorf("e-mail address %q", p.Email)
	}
	if n := len(p.Phone); n != 0 && (n != 10 || !strings.Contains(p.Phone, "555")) {
		t.Errorf("phone %q", p.Phone)
	}
	for _, e := range c.Enrollments {
		seen[e.CoverageKind+" "+e.Status] = true
		gross, _ := e.GrossPremium.Cents()
		credit, _ := e.APTCApplied.Cents()
		subsidy, _ := e.StateSubsidy.Cents()
		net, known := e.NetPremium.Cents()
		if !known || net != gross-credit-subsidy || net <= 0 {
			t.Errorf("%s: %d - %d - %d = %d", e.EnrollmentID, gross, credit, subsidy, net)
		}
		if e.CoverageEnd < e.CoverageStart || e.CoverageStart.Year() != e.ApplicationYear && e.Status != "pending" {
			t.Errorf("%s: %v to %v in %d", e.EnrollmentID, e.CoverageStart, e.CoverageEnd, e.ApplicationYear)
		}
	}
	if id != "5000032500" {
		return
	}
	// CAL TRAINING must match the job aid.
	if p.FirstName+" "+p.LastName != "CAL TRAINING" || p.Phone != "5555555555" || p.Email != "ca@coveredca.com" ||
		p.SSNLast4 != "7880" || p.DateOfBirth.Month() != 1 || p.DateOfBirth.Day() != 1 ||
		a.Line1 != "12345 Main St" || a.City != "Sacramento" || a.State != "CA" || a.ZIP != "95838" {
		t.Errorf("%+v", c.Household)
	}
	if len(c.Applications) != 1 || c.Applications[0].CurrentStatus != "Application Not Started" || c.Applications[0].NextSteps != "" {
		t.Errorf("%+v", c.Applications)
	}
	if c.AgentID != agentID(0) || c.Inactive || c.Closed || len(c.Members)+len(c.Eligibility)+len(c.Enrollments)+len(c.Pending) > 0 {
		t.Errorf("%+v", c)
	}
}

// generated returns a generator that has generated its whole history.
func generated(c Config) *generator {
	g := newGenerator(c, func(TimedEvent) bool { return true })
	g.run()
	return g
}

func TestFirstAgentHasTheLargestBook(t *testing.T) {
	for _, c := range []Config{
		{Agents: 12, Consumers: 6000, Weeks: 6, Seed: 1},
		{Agents: 12, Consumers: 6000, Weeks: 6, Seed: 2},
		{Agents: 12, Consumers: 6000, Weeks: 60, Seed: 3},
		{Agents: 2, Consumers: 3000, Weeks: 1, Seed: 4},
		{Agents: 1, Consumers: 3000, Weeks: 3, Seed: 5},
		{Agents: 300, Consumers: 20_000, Weeks: 3, Seed: 6},
	} {
		c.Until = small().Until
		g := generated(c)
		if n := g.active[0]; n <= 2000 || n > 2500 && c.Agents > 2 && c.Weeks < 10 {
			t.Errorf("%+v: the first agent has %d active consumers", c, n)
		}
		if held := func(s *caseState) bool { return s.holder == c.Agents-1 }; c.Agents >= 4 && slices.ContainsFunc(g.cases, held) {
			t.Errorf("%+v: the last agent has a case", c)
		}
	}
}

func TestMedianBook(t *testing.T) {
	rows := make(map[int]int)
	for _, c := range generated(Config{Agents: 600, Consumers: 45_000, Weeks: 1, Seed: 1, Until: until("2026-06-10T12:00:00Z")}).cases {
		if c.hasAgent() {
			rows[c.holder] += max(1, bits.OnesCount8(c.listed))
		}
	}
	var sizes []int
	for _, n := range rows {
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	if median := sizes[len(sizes)/2]; median < 25 || median > 60 {
		t.Errorf("got a median of %d rows, want 25 to 60", median)
	}
}

// TestLetters checks that every letter in the names has an ASCII form.
func TestLetters(t *testing.T) {
	for _, h := range tables().Heritages {
		for _, s := range slices.Concat(h.Women, h.Men, h.Families) {
			want := 0
			for _, r := range norm.NFC.String(s) {
				if unicode.IsLetter(r) {
					want++
				}
			}
			if got := asciiLetters(s); len(got) != want {
				t.Errorf("asciiLetters(%q): got %q", s, got)
			}
		}
	}
}

func TestSameHistoryAgain(t *testing.T) {
	hash := func(c Config) string {
		h := sha256.New()
		var line []byte
		for i := range c.Generate() {
			line, _ = i.AppendLine(line[:0])
			h.Write(line)
		}
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	c := small()
	c.Consumers = 700
	const known = "03ddd69d672f086ca2409ac2d108827d9a24ff213a6f92a97f7750f986f743e7"
	if got := hash(c); got != known {
		t.Errorf("got hash %s; if the change is intended, update known", got)
	}
	c.Seed++
	if hash(c) == known {
		t.Error("another seed generates the same history")
	}
}

func TestGenerateStops(t *testing.T) {
	n := 0
	for range small().Generate() {
		if n++; n == 100 { // in the middle of a step; yielding again would panic
			break
		}
	}
}

func TestCheck(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.Agents = 0 },
		func(c *Config) { c.Agents = 100_001 },
		func(c *Config) { c.Consumers = -1 },
		func(c *Config) { c.Consumers = 2_000_001 },
		func(c *Config) { c.Weeks = 0 },
		func(c *Config) { c.Weeks = 521 },
		func(c *Config) { c.Until = time.Time{} },
		func(c *Config) { c.Until = until("2015-01-09T12:00:00Z") },
		func(c *Config) { c.Until = until("2099-01-09T12:00:00Z") },
	} {
		c := small()
		change(&c)
		if c.Check() == nil {
			t.Errorf("Check of %+v: got no error", c)
		}
	}
	if err := small().Check(); err != nil {
		t.Error(err)
	}
}

func BenchmarkGenerate(b *testing.B) {
	n, line := 0, []byte(nil)
	for b.Loop() {
		for i := range small().Generate() {
			n++
			line, _ = i.AppendLine(line[:0])
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(n)/float64(b.N), "events")
}
