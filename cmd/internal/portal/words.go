package portal

import (
	"embed"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"bookledger/events"
	"bookledger/projections/audit"
	"bookledger/projections/book"
)

//go:embed pages
var pageFiles embed.FS

// pageNames are the pages; each is a template of its own beside the parts that
// they share.
var pageNames = [...]string{
	"frame", "problem", "home", "sign-in", "signed-out", "session", "list", "case", "decline", "agents",
	"transfer", "confirm", "outcome", "books", "disclaimer", "ledger",
	"explain", "compare-whose", "compare", "downloads",
}

func (p *Portal) parse() (map[string]*template.Template, error) {
	shared, err := template.New("shared").Funcs(p.words()).ParseFS(pageFiles, "pages/shared.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, name := range pageNames {
		page, err := shared.Clone()
		if err != nil {
			return nil, err
		}
		if page, err = page.ParseFS(pageFiles, "pages/"+name+".html"); err != nil {
			return nil, err
		}
		pages[name] = page.Lookup(name + ".html")
	}
	return pages, nil
}

// words are what pages say things with.
func (p *Portal) words() template.FuncMap {
	return template.FuncMap{
		"moment":  p.moment,
		"clock":   p.clock,
		"date":    longDate,
		"friday":  weekday,
		"short":   shortDate,
		"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"number":  number[int],
		"count":   number[int64],
		"counted": number[uint64],
		"plural":  plural,
		"word":    book.Word,
		"role":    roleName,
		"step":    stepName,
		"event":   eventName,
		"stamp":   p.stamp,
		"exact":   func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"seqs":    audit.Sequences,
		"money":   money,
		"flag":    flag,
		"ago":     ago,
		"fact":    func(name string, value any) fact { return fact{name, fmt.Sprint(value), "Not provided"} },
		"factOr":  func(name string, value any, blank string) fact { return fact{name, fmt.Sprint(value), blank} },
		"stale": func(asOf time.Time, age any) staleness {
			if seconds, ok := age.(int); ok {
				return staleness{asOf, time.Duration(seconds) * time.Second}
			}
			return staleness{asOf, age.(time.Duration)}
		},
		"join": func(s []string) string { return strings.Join(s, ", ") },
	}
}

// staleness is how old what a page shows is, where the journal does not answer.
type staleness struct {
	AsOf time.Time
	Age  time.Duration
}

// fact is a name with what is known of it.
type fact struct{ Name, Value, Blank string }

// zone is Pacific time, as the ledger has it, which is asked once.
func (p *Portal) zone() *time.Location {
	if z := p.pacific.Load(); z != nil {
		return z
	}
	c, err := p.Calendar()
	if err != nil {
		return events.DefaultCalendar().Zone() // the ledger is being read anew
	}
	p.pacific.Store(c.Zone())
	return c.Zone()
}

// moment is like "Friday, November 20, 2026, 9:00 p.m. PST".
func (p *Portal) moment(t time.Time) string {
	if t.IsZero() {
		return "before the first record"
	}
	return t.In(p.zone()).Format("Monday, January 2, 2006, ") + p.clock(t)
}

// clock is like "9:00 p.m. PST".
func (p *Portal) clock(t time.Time) string {
	text := t.In(p.zone()).Format("3:04 pm MST")
	return strings.NewReplacer("am", "a.m.", "pm", "p.m.").Replace(text)
}

// stamp is like "11/20/2026, 8:59:58.25 p.m. PST", to the millisecond: near a
// cutoff it matters.
func (p *Portal) stamp(t time.Time) string {
	text := t.In(p.zone()).Format("01/02/2006, 3:04:05.999 pm MST")
	return strings.NewReplacer("am", "a.m.", "pm", "p.m.").Replace(text)
}

func noon(d events.Date) time.Time {
	return time.Date(d.Year(), time.Month(d.Month()), d.Day(), 12, 0, 0, 0, time.UTC)
}

// longDate is like "November 20, 2026".
func longDate(d events.Date) string {
	if d == 0 {
		return ""
	}
	return noon(d).Format("January 2, 2006")
}

// weekday is like "Friday, November 20, 2026".
func weekday(d events.Date) string {
	if d == 0 {
		return ""
	}
	return noon(d).Format("Monday, January 2, 2006")
}

// shortDate is like "11/20/2026".
func shortDate(d events.Date) string {
	if d == 0 {
		return ""
	}
	return noon(d).Format("01/02/2006")
}

// number is like "2,120".
func number[T int | int64 | uint64](n T) string {
	digits := strconv.FormatUint(uint64(n), 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// plural is like "1 consumer" and "2,120 consumers".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// money is like "$1,412.33".
func money(m events.Money) string {
	cents, known := m.Cents()
	if !known {
		return ""
	}
	return fmt.Sprintf("$%s.%02d", number(cents/100), cents%100)
}

func flag(f events.Flag) string {
	switch f {
	case events.Yes:
		return "Yes"
	case events.No:
		return "No"
	}
	return ""
}

// ago is how long something has lasted, like "2 minutes".
func ago(d time.Duration) string {
	if d < time.Minute {
		return plural(int(d/time.Second), "second", "seconds")
	}
	return plural(int(d/time.Minute), "minute", "minutes")
}

var roleNames = map[string]string{
	"agent": "Agent", "manager": "Manager", "admin_l1": "Admin staff, level 1", "admin_l2": "Admin staff, level 2",
	"auditor": "Auditor", "operator": "Operator", "none": "No role there",
}

// roleName is a role in words.
func roleName(role string) string {
	if name, ok := roleNames[role]; ok {
		return name
	}
	return role
}

var stepNames = map[string]string{
	events.TypeDelegationRequested:      "Requested by the consumer",
	events.TypeDelegationAccepted:       "Request accepted",
	events.TypeDelegationDeclined:       "Request declined",
	events.TypeDelegationWithdrawn:      "Request withdrawn",
	events.TypeDelegationCreated:        "Delegated",
	events.TypeDelegationMarkedInactive: "Marked as inactive",
	events.TypeDelegationReactivated:    "Reactivated",
	events.TypeDelegationTransferred:    "Transferred",
	events.TypeDelegationEnded:          "Delegation ended",
}

// stepName is a step of a delegation's history in words.
func stepName(kind string) string {
	if name, ok := stepNames[kind]; ok {
		return name
	}
	return kind
}
