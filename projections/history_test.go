package projections_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/events/record"
)

// memoryJournal is a journal in memory. It yields its records as they are, whatever their
// sequences.
type memoryJournal struct {
	records []record.Record
	chunk   int // number of records per yield
}

func (s memoryJournal) Follow(ctx context.Context, after uint64, yield func([]record.Record) error) error {
	return s.Read(ctx, after, uint64(len(s.records)), yield)
}

func (s memoryJournal) Read(_ context.Context, after, upTo uint64, yield func([]record.Record) error) error {
	for part := range slices.Chunk(s.records[after:min(upTo, uint64(len(s.records)))], s.chunk) {
		if err := yield(part); err != nil {
			return err
		}
	}
	return nil
}

func (s memoryJournal) At(_ context.Context, seq uint64) (record.Record, error) {
	i := slices.IndexFunc(s.records, func(r record.Record) bool { return r.Seq == seq })
	if i < 0 {
		return record.Record{}, fmt.Errorf("no record %d", seq)
	}
	return s.records[i], nil
}

func (s memoryJournal) Last(context.Context) (uint64, error) {
	if len(s.records) == 0 {
		return 0, nil
	}
	return s.records[len(s.records)-1].Seq, nil
}

// history draws a random journal: genesis, a history load, and live records. It uses few
// cases and agents, so that records interact, and times close to cutoffs, weeks with a
// daylight-saving change, and the turn of the year. It includes duplicates, late events,
// rejections of all kinds and invalid messages. TestRandomHistoriesCoverFeatures checks
// that all of these occur.
func history(t *rapid.T) []record.Record {
	h := &historyGenerator{t: t, calendar: events.DefaultCalendar()}
	// Fridays before a daylight-saving change (two), before the new year and before a holiday.
	begin := rapid.SampledFrom([]events.Date{20251031, 20260306, 20251226, 20260703}).Draw(t, "begin")
	h.now = h.calendar.Cutoff(begin).Add(-3 * time.Hour)
	spec, err := events.NewCalendarSpec(events.DefaultCutoff)
	if err != nil {
		t.Fatal(err)
	}
	if rapid.IntRange(0, 9).Draw(t, "genesis") > 0 {
		h.add(events.SubjectGenesis, h.encode(events.SourceLedger, events.TypeGenesis,
			&events.Genesis{LedgerID: "test", Calendar: spec, Rules: 1, SealKey: "none"}), "")
	}
	for range rapid.IntRange(0, 80).Draw(t, "loaded") {
		h.load(h.now.AddDate(1, 0, 0))
	}
	for range rapid.IntRange(40, 160).Draw(t, "live") {
		h.publish()
	}
	return h.records
}

type historyGenerator struct {
	t        *rapid.T
	calendar *events.Calendar
	now      time.Time
	records  []record.Record
	ids      int
}

func (h *historyGenerator) add(subject string, body []byte, header string) {
	h.records = append(h.records, record.Record{
		Seq: uint64(len(h.records) + 1), Stamped: h.now.UTC(), Subject: subject, Header: header, Body: body,
	})
}

// step advances time, often exactly to a cutoff or next to it.
func (h *historyGenerator) step() {
	cutoff := h.calendar.Cutoff(h.calendar.FridayOf(h.now))
	if n := rapid.IntRange(0, 59).Draw(h.t, "step"); n < len(nearCutoff) {
		h.now = cutoff.Add(nearCutoff[n])
	} else if n == len(nearCutoff) {
		h.now = h.now.Add(time.Duration(rapid.IntRange(1, 30).Draw(h.t, "days")) * 24 * time.Hour)
	} else if n == len(nearCutoff)+1 {
		h.now = h.now.Add(-time.Minute) // the server's clock is set back
	} else {
		h.now = h.now.Add(time.Duration(rapid.IntRange(0, 7200).Draw(h.t, "seconds")) * time.Second)
	}
}

// nearCutoff contains the distances from a cutoff that matter. Records share a stamp when
// the same distance is drawn again.
var nearCutoff = []time.Duration{0, 0, time.Nanosecond, -time.Nanosecond, time.Millisecond, -time.Millisecond}

// load adds a record of the history load.
func (h *historyGenerator) load(stamped time.Time) {
	h.step()
	if stamped.Before(h.now) {
		stamped = h.now
	}
	header := h.now.Format(time.RFC3339Nano)
	switch rapid.IntRange(0, 19).Draw(h.t, "header") {
	case 0:
		header = ""
	case 1:
		header = h.now.AddDate(2, 0, 0).Format(time.RFC3339Nano)
	case 2:
		header = h.now.AddDate(0, 0, -9).Format(time.RFC3339Nano)
	}
	body := h.event()
	h.records = append(h.records, record.Record{
		Seq: uint64(len(h.records) + 1), Stamped: stamped.UTC(),
		Subject: events.HistorySubject("calheers"), Header: header, Body: body,
	})
}

// publish adds a live record.
func (h *historyGenerator) publish() {
	h.step()
	switch rapid.IntRange(0, 29).Draw(h.t, "kind") {
	case 0:
		h.add(events.SubjectClock, h.encode(events.SourceLedger, events.TypeClock, &events.Clock{Friday: 20260101}), "")
	case 1:
		h.add(events.SubjectControl, h.encode(events.SourceLedger, events.TypeHistoryClosed, &events.HistoryClosed{}), "")
	case 2:
		h.add("ledger.consumer.calheers", []byte("no JSON at all"), "")
	case 3:
		h.add("ledger.agency.other", h.event(), "")
	case 4:
		h.load(h.now)
	case 5, 6:
		h.add("ledger.consumer.calheers", h.invalidEvent(), "")
	case 7, 8:
		data, family := h.data() // from another system, which may use the same event IDs
		h.add("ledger."+family+".other", h.encode("other", events.TypeOf(data), data), "")
	case 9, 10:
		h.add(events.SubjectExport, h.export(), "")
	default:
		data, family := h.data()
		h.add("ledger."+family+".calheers", h.encode("calheers", events.TypeOf(data), data), "")
	}
}

// invalidEvent returns an event of an unknown type or version, or one that violates its schema.
func (h *historyGenerator) invalidEvent() []byte {
	body := h.encode("calheers", events.TypeCaseClosed, &events.CaseClosed{CaseID: h.pick("case", allCases...)})
	switch h.pick("nonsense", "type", "version", "schema") {
	case "type":
		return bytes.Replace(body, []byte("case_closed.v1"), []byte("case_painted.v1"), 1)
	case "version":
		return bytes.Replace(body, []byte("case_closed.v1"), []byte("case_closed.v9"), 1)
	}
	return bytes.Replace(body, []byte(`"case_id":"`), []byte(`"case_id":"no identifier `), 1)
}

// export returns a step of an export.
func (h *historyGenerator) export() []byte {
	e := events.Export{ExportID: fmt.Sprint("x", h.ids), PersonID: "p1", Role: "agent", AgentID: "a1", Friday: 20260102}
	switch h.pick("step", "requested", "declined", "denied", "made") {
	case "requested":
		return h.encode(events.SourceLedger, events.TypeExportRequested, &events.ExportRequested{Export: e})
	case "declined":
		e.Accepted = events.No
		return h.encode(events.SourceLedger, events.TypeExportDeclined, &events.ExportDeclined{Export: e})
	case "denied":
		return h.encode(events.SourceLedger, events.TypeExportDenied, &events.ExportDenied{Export: e})
	}
	e.Accepted, e.Rows = events.Yes, 7
	return h.encode(events.SourceLedger, events.TypeExportMade, &events.ExportMade{Export: e})
}

func (h *historyGenerator) event() []byte {
	data, _ := h.data()
	return h.encode("calheers", events.TypeOf(data), data)
}

func (h *historyGenerator) encode(source, eventType string, data events.Data) []byte {
	h.ids++
	id := h.ids
	if id > 3 && rapid.IntRange(0, 9).Draw(h.t, "resend") == 0 {
		id -= rapid.IntRange(1, 3).Draw(h.t, "back") // repeat an earlier ID
	}
	happened := h.now
	if rapid.IntRange(0, 9).Draw(h.t, "late") == 0 {
		happened = happened.AddDate(0, -rapid.IntRange(1, 20).Draw(h.t, "months"), 0)
	}
	body, err := events.Event{
		ID: fmt.Sprint("e", id), Source: source, Type: eventType, Time: happened, Data: data,
	}.Encode()
	if err != nil {
		h.t.Fatal(err)
	}
	return body
}

func (h *historyGenerator) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(h.t, label)
}

func (h *historyGenerator) data() (data events.Data, family string) {
	switch h.pick("family", "consumer", "consumer", "delegation", "delegation", "delegation", "agency", "agency") {
	case "consumer":
		return h.consumer(), "consumer"
	case "delegation":
		return h.delegation(), "delegation"
	}
	return h.agency(), "agency"
}

func (h *historyGenerator) consumer() events.Data {
	id := h.pick("case", allCases...)
	m := h.pick("member", "m1", "m2", "m3")
	year := rapid.IntRange(2025, 2027).Draw(h.t, "year")
	switch h.pick("consumer", "household", "application", "member", "member", "removed", "eligibility", "eligibility", "enrollment", "closed") {
	case "household":
		return &events.HouseholdRecorded{CaseID: id, PrimaryContact: events.Contact{
			FirstName: h.pick("first", "José", "Jose", "Zoë", ""), LastName: h.pick("last", "Nuñez", "O'Hara", "d'Arc"),
		}}
	case "application":
		return &events.ApplicationRecorded{CaseID: id, ApplicationYear: year, CurrentStatus: h.pick("status", "Submitted", "Enrolled")}
	case "member":
		return &events.MemberRecorded{Member: events.Member{CaseID: id, MemberID: m, FirstName: h.pick("name", "Ann", "Bo")}}
	case "removed":
		return &events.MemberRemoved{Member: events.Member{CaseID: id, MemberID: m}}
	case "eligibility":
		return &events.EligibilityDetermined{CaseID: id, MemberID: m, ApplicationYear: year,
			Program: h.pick("program", "covered_california", "medi_cal", "none"), Status: h.pick("eligible", "eligible", "pending")}
	case "closed":
		return &events.CaseClosed{CaseID: id}
	}
	return &events.EnrollmentRecorded{CaseID: id, EnrollmentID: h.pick("enrollment", "n1", "n2"), ApplicationYear: year,
		CoverageKind: h.pick("coverage", "health", "dental"), MemberIDs: []string{m, "m1"},
		Status: h.pick("enrolled", "enrolled", "cancelled", "terminated"), NetPremium: events.Cents(int64(year))}
}

func (h *historyGenerator) delegation() events.Data {
	d := events.Delegation{
		CaseID:  h.pick("case", allCases...),
		AgentID: h.pick("agent", allAgents...),
	}
	switch h.pick("delegation", "requested", "accepted", "declined", "withdrawn", "created", "created", "inactive", "reactivated", "transferred", "transferred", "ended") {
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
		return &events.DelegationTransferred{CaseID: d.CaseID, FromAgentID: d.AgentID, ToAgentID: h.pick("to", allAgents...)}
	}
	return &events.DelegationEnded{Delegation: d}
}

func (h *historyGenerator) agency() events.Data {
	agent, agency := h.pick("agent", allAgents...), h.pick("agency", "y1", "y2")
	switch h.pick("agency event", "registered", "certified", "certified", "moved", "decertified", "assigned", "removed") {
	case "registered":
		return &events.AgencyRegistered{AgencyID: agency, Name: "Agency " + agency}
	case "certified":
		return &events.AgentCertified{AgentID: agent, AgencyID: agency, FirstName: "Pat"}
	case "moved":
		return &events.AgentMoved{AgentID: agent, AgencyID: agency}
	case "decertified":
		return &events.AgentDecertified{AgentID: agent}
	case "assigned":
		return &events.StaffAssigned{Staff: events.Staff{PersonID: h.pick("person", "p1", "p2"), AgencyID: agency, Role: h.pick("role", "manager", "admin_l1")}}
	}
	return &events.StaffRemoved{Staff: events.Staff{PersonID: h.pick("person", "p1", "p2"), AgencyID: agency, Role: "manager"}}
}
