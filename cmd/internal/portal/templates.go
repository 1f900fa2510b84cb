package portal

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"time"

	"bookledger/events"
	"bookledger/projections/audit"
	"bookledger/projections/book"
)

//go:embed pages
var pageFiles embed.FS

// parsePages parses the page templates. Each page combines the frame and the shared
// parts with a main part of its own. asset returns the URL path of an embedded file.
func (p *Portal) parsePages(asset func(string) string) (map[string]*template.Template, error) {
	shared, err := template.New("frame.html").Funcs(p.templateFuncs()).Funcs(template.FuncMap{"asset": asset}).ParseFS(pageFiles, "pages/shared/*.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, file := range files {
		text, err := pageFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		page, err := shared.Clone()
		if err != nil {
			return nil, err
		}
		if _, err := page.New("main").Parse(string(text)); err != nil {
			return nil, err
		}
		pages[strings.TrimSuffix(path.Base(file), ".html")] = page
	}
	return pages, nil
}

// templateFuncs returns the functions for use in templates.
func (p *Portal) templateFuncs() template.FuncMap {
	return template.FuncMap{
		"moment": p.moment,
		"clock":  p.clock,
		"date":   dateFormat("January 2, 2006"),
		"friday": dateFormat("Monday, January 2, 2006"),
		"short":  dateFormat("01/02/2006"),
		"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"number": number,
		"plural": plural,
		"word":   book.Label,
		"role":   roleName,
		"event":  func(kind string) string { return eventNames[kind] },
		"stamp":  p.stamp,
		"exact":  func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"seqs":   audit.FormatSequences,
		"money":  money,
		"flag": func(f events.Flag) string {
			return [...]string{events.Blank: "", events.No: "No", events.Yes: "Yes"}[f]
		},
		"ago": ago,
		"fact": func(name string, value any) labeledValue {
			return labeledValue{name, fmt.Sprint(value), "Not provided"}
		},
		"factOr": func(name string, value any, blank string) labeledValue {
			return labeledValue{name, fmt.Sprint(value), blank}
		},
		"join": func(s []string) string { return strings.Join(s, ", ") },
	}
}

// labeledValue is a value with its label. Blank is shown for a blank value.
type labeledValue struct{ Name, Value, Blank string }

// moment formats a time like "Friday, November 20, 2026, 9:00 p.m. PST".
func (p *Portal) moment(t time.Time) string {
	if t.IsZero() {
		return "before the first record"
	}
	return t.In(p.pacific).Format("Monday, January 2, 2006, ") + p.clock(t)
}

// clock formats a time of day like "9:00 p.m. PST".
func (p *Portal) clock(t time.Time) string { return p.pacificTime(t, "3:04 pm MST") }

// stamp formats a time like "11/20/2026, 8:59:58.25 p.m. PST". Milliseconds
// matter near a cutoff.
func (p *Portal) stamp(t time.Time) string {
	return p.pacificTime(t, "01/02/2006, 3:04:05.999 pm MST")
}

func (p *Portal) pacificTime(t time.Time, layout string) string {
	return strings.NewReplacer("am", "a.m.", "pm", "p.m.").Replace(t.In(p.pacific).Format(layout))
}

// dateFormat returns a function that formats dates in a layout, and blank dates as
// "".
func dateFormat(layout string) func(events.Date) string {
	return func(d events.Date) string {
		if d == 0 {
			return ""
		}
		return time.Date(d.Year(), time.Month(d.Month()), d.Day(), 12, 0, 0, 0, time.UTC).Format(layout)
	}
}

// number formats an integer of any type like "2,120".
func number(n any) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// plural formats a count like "1 consumer" or "2,120 consumers".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// money formats an amount like "$1,412.33".
func money(m events.Money) string {
	cents, known := m.Cents()
	if !known {
		return ""
	}
	return fmt.Sprintf("$%s.%02d", number(cents/100), cents%100)
}

// ago formats a duration like "2 minutes".
func ago(d time.Duration) string {
	if d < time.Minute {
		return plural(int(d/time.Second), "second", "seconds")
	}
	return plural(int(d/time.Minute), "minute", "minutes")
}

var roleNames = map[string]string{
	"agent": "Agent", "manager": "Manager", "admin_l1": "Admin staff, level 1", "admin_l2": "Admin staff, level 2",
	"auditor": "Auditor", "operator": "Operator", "none": "No role",
}

// roleName returns the displayed name of a role.
func roleName(role string) string { return cmp.Or(roleNames[role], role) }

// eventNames contains the displayed names of the events about a case.
var eventNames = map[string]string{
	events.TypeHouseholdRecorded:        "Household recorded",
	events.TypeApplicationRecorded:      "Application recorded",
	events.TypeMemberRecorded:           "Member recorded",
	events.TypeMemberRemoved:            "Member removed",
	events.TypeEligibilityDetermined:    "Eligibility determined",
	events.TypeEnrollmentRecorded:       "Enrollment recorded",
	events.TypeCaseClosed:               "Case closed",
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
