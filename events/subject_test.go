package events_test

import (
	"fmt"
	"slices"
	"testing"

	"bookledger/events"
)

// TestEventsMustMatchSubject checks the rules for subjects: a type belongs to its
// family's subject, the last token is the source, and only bookledger writes the
// ledger's own types. The sources bookledger and portal are reserved; the portal
// sends only delegation events. Each subject is upstream, history or the ledger's
// own.
func TestEventsMustMatchSubject(t *testing.T) {
	const (
		household = `consumer.household_recorded.v1", "data":{"case_id":"5000032500"}`
		requested = `delegation.requested.v1", "data":{"case_id":"5000032500","agent_id":"a1"}`
		agency    = `agency.registered.v1", "data":{"agency_id":"y1"}`
		clock     = `ledger.clock.v1", "data":{"friday":"2026-11-20"}`
		genesis   = `ledger.genesis.v1", "data":{"ledger_id":"l","calendar":{"zone":"z","weekday":"Friday","time":"21:00:00","zone_sha256":"` + hash + `"},"rules":1,"seal_key":"k"}`
		key       = `ledger.seal_key_changed.v1", "data":{"note":"n"}`
		export    = `ledger.export_made.v1", "data":{"role":"agent","friday":"2026-11-20"}`
		closed    = `ledger.history_closed.v1", "data":{}`
	)
	for _, c := range []struct {
		subject, source, rest string
		field                 string // "" if the subject is valid
	}{
		{"ledger.consumer.calheers", "calheers", household, ""},
		{"ledger.delegation.calheers", "calheers", requested, ""},
		{"ledger.agency.calheers", "calheers", agency, ""},
		{"ledger.history.calheers", "calheers", household, ""},
		{"ledger.history.calheers", "calheers", requested, ""},
		{"ledger.history.calheers", "calheers", agency, ""},
		{"ledger.delegation.portal", "portal", requested, ""},
		{"ledger.clock", "bookledger", clock, ""},
		{"ledger.control", "bookledger", closed, ""},
		{"ledger.genesis", "bookledger", genesis, ""},
		{"ledger.seal", "bookledger", key, ""},
		{"ledger.export", "bookledger", export, ""},
		{"ledger.delegation.calheers", "calheers", household, "type"},
		{"ledger.consumer.calheers", "calheers", agency, "type"},
		{"ledger.consumer.calheers", "calheers", closed, "type"},
		{"ledger.history.calheers", "calheers", clock, "type"},
		{"ledger.clock", "bookledger", closed, "type"},
		{"ledger.clock", "bookledger", household, "type"},
		{"ledger.genesis", "bookledger", clock, "type"},
		{"ledger.consumer", "calheers", household, "type"},
		{"ledger.other.calheers", "calheers", household, "type"},
		{"elsewhere", "calheers", household, "type"},
		{"ledger.consumer.calheers", "hbx", household, "source"},
		{"ledger.history.calheers", "hbx", household, "source"},
		{"ledger.consumer.calheers.more", "calheers", household, "source"},
		{"ledger.clock", "calheers", clock, "source"},
		{"ledger.consumer.bookledger", "bookledger", household, "source"},
		{"ledger.consumer.portal", "portal", household, "source"},
		{"ledger.history.portal", "portal", requested, "source"},
		{"ledger.history.bookledger", "bookledger", household, "source"},
	} {
		body := fmt.Sprintf(`{"specversion":"1.0","id":"1","source":%q,"time":"2026-11-20T20:59:58-08:00","type":"%s}`, c.source, c.rest)
		var checker events.Checker
		checked := checker.Check(c.subject, []byte(body))
		if c.field == "" {
			if r := checked.Rejection(); r != nil {
				t.Errorf("%s on %s: %v", body, c.subject, r)
			} else if s := checked.Event.Subject(); s != c.subject && c.subject != events.HistorySubject(c.source) {
				t.Errorf("Subject of an event on %s: got %s", c.subject, s)
			}
			own, history := slices.Contains(events.OwnSubjects(), c.subject), events.HistorySubject(c.source) == c.subject
			if events.IsHistory(c.subject) != history || events.IsUpstream(c.subject) == (own || history) {
				t.Errorf("%s: IsHistory = %t, IsUpstream = %t", c.subject, events.IsHistory(c.subject), events.IsUpstream(c.subject))
			}
			continue
		}
		if r := checked.EnvelopeRejection; r == nil || r.Code != events.WrongSubject || r.Field != c.field {
			t.Errorf("%s on %s: got %v, want wrong_subject at %s", body, c.subject, r, c.field)
		}
	}
}
