package list

import (
	"strings"

	"bookledger/projections/book"
)

// Sort is a sort order of a list.
type Sort string

// The sort orders. The prefix "-" reverses an order. Names are compared by their
// sort key, see book.SortKey.
const (
	ByFirstName Sort = "first_name"
	ByLastName  Sort = "last_name"
	ByCaseID    Sort = "case_id"
	ByUpdated   Sort = "updated"
)

// Query selects entries of a list and their order. An entry must match every filter
// that is not blank. The filters from Year to Carrier must all match within one
// shown year. Matching ignores case, except in CaseID.
type Query struct {
	Year          int // the application year
	Status        string
	NextSteps     string
	HouseholdType string
	Program       string // as in events or as displayed
	Carrier       string

	Name   string // words; each must be part of the first or last name
	CaseID string // the complete id
	Q      string // words; each must be part of a name, the phone, email, ZIP or county

	Sort   Sort // "" means ByFirstName
	Offset int
	Limit  int // 0 means no limit
}

// matcher is a query prepared for matching many entries.
type matcher struct {
	Query
	filtersYear bool         // whether a filter from Year to Carrier is set
	names       []string     // sort keys of the words of Name
	words       []searchWord // the words of Q
}

// searchWord is a word of a search in the forms in which it is compared.
type searchWord struct {
	key    string // compared with the names and the county
	lower  string // compared with the email and the ZIP
	digits string // compared with the phone; "" if the word cannot be part of a phone number
}

func newMatcher(q Query) *matcher {
	m := &matcher{Query: q}
	m.filtersYear = q.Year != 0 || q.Status != "" || q.NextSteps != "" || q.HouseholdType != "" || q.Program != "" || q.Carrier != ""
	for name := range strings.FieldsSeq(q.Name) {
		m.names = append(m.names, book.SortKey(name))
	}
	for w := range strings.FieldsSeq(q.Q) {
		m.words = append(m.words, searchWord{key: book.SortKey(w), lower: strings.ToLower(w), digits: phonePart(w)})
	}
	return m
}

// phonePart returns the digits of a word. It returns "" if the word contains
// characters that do not belong in a phone number.
func phonePart(w string) string {
	if strings.Trim(w, "0123456789()+-./") != "" {
		return ""
	}
	return digitsOf(w)
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// searchKeys contains the keys by which an entry is sorted and searched. Line breaks
// separate joined keys, because a word of a search never contains one.
type searchKeys struct {
	first, last string // sort keys of the names
	text        string // first, last and the sort key of the county
	plain       string // the email in lower case and the ZIP
	digits      string // the digits of the phone
}

func newKeys(first, last, county, email, zip, phone string) searchKeys {
	first, last = book.SortKey(first), book.SortKey(last)
	text := first + "\n" + last + "\n" + book.SortKey(county)
	return searchKeys{
		first: text[:len(first)], last: text[len(first)+1:][:len(last)], text: text,
		plain: strings.ToLower(email) + "\n" + zip, digits: digitsOf(phone),
	}
}

func (k *searchKeys) match(m *matcher) bool {
	names := k.text[:len(k.first)+1+len(k.last)]
	for _, name := range m.names {
		if !strings.Contains(names, name) {
			return false
		}
	}
	for i := range m.words {
		w := &m.words[i]
		if !strings.Contains(k.text, w.key) && !strings.Contains(k.plain, w.lower) &&
			(w.digits == "" || !strings.Contains(k.digits, w.digits)) {
			return false
		}
	}
	return true
}

// match reports whether an entry matches in a list for a Friday in the calendar
// year current.
func (m *matcher) match(e *Entry, current int) bool {
	if m.CaseID != "" && m.CaseID != e.CaseID || !e.keys.match(m) {
		return false
	}
	if !m.filtersYear {
		return true
	}
	years := e.shownYears(current)
	for i := range years {
		if m.matchYear(&years[i]) {
			return true
		}
	}
	return false
}

func (m *matcher) matchYear(y *EntryYear) bool {
	return (m.Year == 0 || m.Year == y.ApplicationYear) &&
		matchesFilter(m.Status, y.CurrentStatus) && matchesFilter(m.NextSteps, y.NextSteps) && matchesFilter(m.HouseholdType, y.HouseholdType) &&
		(m.Program == "" || m.matchProgram(y.Programs)) &&
		(m.Carrier == "" || m.matchCarrier(y.Coverage))
}

// matchesFilter reports whether a value matches a filter. A blank filter matches
// everything.
func matchesFilter(filter, value string) bool {
	return filter == "" || filter == value || strings.EqualFold(filter, value)
}

func (m *matcher) matchProgram(programs []string) bool {
	for _, p := range programs {
		if p == m.Program || matchesFilter(m.Program, book.Label(p)) {
			return true
		}
	}
	return false
}

func (m *matcher) matchCarrier(coverage []Coverage) bool {
	for i := range coverage {
		if matchesFilter(m.Carrier, coverage[i].Carrier) {
			return true
		}
	}
	return false
}
