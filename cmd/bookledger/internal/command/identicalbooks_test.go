package command_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bookledger/cmd/internal/node"
	"bookledger/events"
	"bookledger/events/journal"
)

// bookHistory is a ledger over several weeks, with the books exported after each
// Friday's cutoff.
type bookHistory struct {
	t     *testing.T
	data  string
	books map[string]map[string]string // by Friday and file name
}

// TestBooksStayIdentical checks that a Friday's book is the same file, byte for
// byte, whenever it is made: at once, after each of five more weeks of changes and
// restarts, after everything in it has changed, from a rebuilt store, and from the
// dump.
func TestBooksStayIdentical(t *testing.T) {
	t.Parallel()
	past := bookdemo(t, "generate", "--agents", "5", "--consumers", "150", "--weeks", "7", "--seed", "11", "--until", "2026-11-21T12:00:00Z")
	l := &bookHistory{t, t.TempDir(), map[string]map[string]string{}}
	lines := strings.SplitAfter(strings.TrimSpace(past), "\n")
	for _, friday := range []string{"2026-10-16", "2026-10-23", "2026-10-30", "2026-11-06", "2026-11-13", "2026-11-20"} {
		var week []string
		week, lines = splitAtCutoff(t, lines, friday)
		must(t, strings.Join(week, ""), "history", "load", "-", "--data", l.data)
		if friday == "2026-11-06" {
			l.removeStore()
		}
		l.books[friday] = l.export(friday, "--data", l.data)
		if friday == "2026-11-06" || friday == "2026-11-20" { // after a rebuild, and after all weeks
			l.check("at "+friday, "--data", l.data)
		}
	}
	if len(l.books) != 6 || len(l.books["2026-10-16"]) < 6 || !l.differ("2026-10-16", "2026-11-20") {
		t.Fatalf("got %d Fridays and %d books, want more to compare", len(l.books), len(l.books["2026-10-16"]))
	}
	must(t, strings.Join(lines, ""), "history", "load", "-", "--data", l.data, "--close")
	l.changeEverything(past)
	for agent := range 5 {
		if left := must(t, "", "active", "--json", "--data", l.data, "--agent", fmt.Sprint("A10000", agent+1)); strings.Contains(left, `"case_id"`) {
			t.Fatalf("agent %d still has consumers: %.300s", agent+1, left)
		}
	}
	l.check("after all was changed", "--data", l.data)
	l.removeStore()
	l.check("rebuilt", "--data", l.data)
	l.check("from the dump", "--journal", writeEvents(t, must(t, "", "journal", "dump", "--data", l.data)))
}

// cutoffOf returns the cutoff of a Friday. The test's Fridays are before and after
// the end of daylight saving time.
func cutoffOf(t *testing.T, friday string) time.Time {
	t.Helper()
	f, err := events.ParseDate(friday)
	if err != nil {
		t.Fatal(err)
	}
	return events.DefaultCalendar().Cutoff(f)
}

// splitAtCutoff splits lines after the first one recorded after a Friday's cutoff.
func splitAtCutoff(t *testing.T, lines []string, friday string) (week, rest []string) {
	t.Helper()
	cutoff := cutoffOf(t, friday)
	for i, line := range lines {
		said := decode[struct{ Recorded time.Time }](t, line)
		if said[0].Recorded.After(cutoff) {
			return lines[:i+1], lines[i+1:]
		}
	}
	t.Fatalf("the history ends before %s", friday)
	return nil, nil
}

// export exports the books of a Friday for all agents and one agency.
func (l *bookHistory) export(friday string, from ...string) map[string]string {
	l.t.Helper()
	dir := l.t.TempDir()
	must(l.t, "", append([]string{"export", "--all", "--friday", friday, "--out", dir}, from...)...)
	must(l.t, "", append([]string{"export", "--agency", "G200001", "--friday", friday, "--out", filepath.Join(dir, "agency.xlsx")}, from...)...)
	books := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		books[strings.TrimPrefix(path, dir)] = string(text)
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return books
}

// check exports the books of all Fridays again and compares them.
func (l *bookHistory) check(when string, from ...string) {
	l.t.Helper()
	for friday, want := range l.books {
		got := l.export(friday, from...)
		if len(got) != len(want) {
			l.t.Errorf("%s: %s: got %d books, want %d", when, friday, len(got), len(want))
		}
		for name, text := range want {
			if got[name] != text {
				l.t.Errorf("%s: book %s of %s differs: got %d bytes, want %d", when, name, friday, len(got[name]), len(text))
			}
		}
	}
}

// differ reports whether two Fridays have the same books, all with different bytes.
func (l *bookHistory) differ(a, b string) bool {
	for name, text := range l.books[a] {
		if other, ok := l.books[b][strings.ReplaceAll(name, a, b)]; !ok || other == text {
			return false
		}
	}
	return true
}

// removeStore removes the store, so that it is rebuilt.
func (l *bookHistory) removeStore() {
	l.t.Helper()
	if err := os.RemoveAll(filepath.Join(l.data, "projection")); err != nil {
		l.t.Fatal(err)
	}
}

// changeEverything changes everything that books show: names of agencies, agents and
// consumers, and delegations. At the end it closes all cases.
func (l *bookHistory) changeEverything(past string) {
	l.t.Helper()
	var all []events.Data
	all = append(all, &events.AgencyRegistered{AgencyID: "G200001", Name: "Another Name"})
	for _, agent := range idsOf(past, "agent_id") {
		all = append(all, &events.AgentCertified{AgentID: agent, AgencyID: "G200001", FirstName: "Another"})
	}
	for _, id := range idsOf(past, "case_id") {
		all = append(all,
			&events.HouseholdRecorded{CaseID: id, PrimaryContact: events.Contact{FirstName: "Another", LastName: "Name"}},
			&events.DelegationCreated{Delegation: events.Delegation{CaseID: id, AgentID: "A100002"}},
			&events.CaseClosed{CaseID: id})
	}
	for _, agent := range idsOf(past, "agent_id") {
		all = append(all, &events.AgentDecertified{AgentID: agent})
	}
	led, err := node.Open(l.t.Context(), node.Options{Dir: l.data, Now: time.Now})
	if err != nil {
		l.t.Fatal(err)
	}
	messages := make([]journal.Message, len(all))
	for i, data := range all {
		e := events.Event{ID: fmt.Sprint("upend/", i), Source: "calheers", Type: events.TypeOf(data), Time: time.Now().UTC(), Data: data}
		if messages[i], err = journal.MessageOf(e); err != nil {
			l.t.Fatal(err)
		}
	}
	for some := range slices.Chunk(messages, 500) {
		if _, err := led.Journal.Append(l.t.Context(), some); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := led.Close(); err != nil {
		l.t.Fatal(err)
	}
}

// idsOf returns the distinct values of a member in events.
func idsOf(text, member string) (ids []string) {
	for _, m := range regexp.MustCompile(`"`+member+`":"([^"]+)"`).FindAllStringSubmatch(text, -1) {
		ids = append(ids, m[1])
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
