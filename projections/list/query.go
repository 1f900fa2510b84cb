package list

import (
	"strings"

	"bookledger/projections/book"
)

// Sort is an order of a list.
type Sort string

// The orders; a "-" before one reverses it. Names go by their sort key.
const (
	ByFirstName Sort = "first_name"
	ByLastName  Sort = "last_name"
	ByCaseID    Sort = "case_id"
	ByUpdated   Sort = "updated"
)

// Query says which entries of a list are wanted, and in which order. What is
// blank lets all pass, and all that is given must hold; the filters of a year
// must hold in one and the same shown year.
type Query struct {
	Year          int // of the application
	Status        string
	NextSteps     string
	HouseholdType string
	Program       string // as in events, or in words
	Carrier       string

	Name   string // words, each a part of the first or last name by their sort key
	CaseID string // the whole id
	Q      string // words, each a part of a name, the phone, the e-mail, the ZIP or the county

	Sort   Sort // "" is ByFirstName
	Offset int
	Limit  int // 0: no limit
}

// matcher is a query made ready to be held against many entries.
type matcher struct {
	Query
	ofYear bool     // it has a filter of a year
	names  []string // the sort keys of Name's words
	words  []word   // of Q
}

// word is a word of a search, as it is held against what an entry has.
type word struct {
	key    string // against names and county
	lower  string // against e-mail and ZIP
	digits string // against the phone, "" where the word is no part of one
}

func newMatcher(q Query) *matcher {
	m := &matcher{Query: q}
	m.ofYear = q.Year != 0 || q.Status != "" || q.NextSteps != "" || q.HouseholdType != "" || q.Program != "" || q.Carrier != ""
	for name := range strings.FieldsSeq(q.Name) {
		m.names = append(m.names, book.SortKey(name))
	}
	for w := range strings.FieldsSeq(q.Q) {
		m.words = append(m.words, word{key: book.SortKey(w), lower: strings.ToLower(w), digits: phonePart(w)})
	}
	return m
}

// phonePart returns the digits of a word that may be a part of a phone number,
// else "".
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

// keys are what an entry is ordered and found by. No word of a search holds
// the line breaks between them.
type keys struct {
	first, last string // the sort keys of the names
	text        string // these two and that of the county, each in a line
	plain       string // the e-mail in lower case and the ZIP, each in a line
	digits      string // of the phone
}

func newKeys(first, last, county, email, zip, phone string) keys {
	first, last = book.SortKey(first), book.SortKey(last)
	text := first + "\n" + last + "\n" + book.SortKey(county)
	return keys{
		first: text[:len(first)], last: text[len(first)+1:][:len(last)], text: text,
		plain: strings.ToLower(email) + "\n" + zip, digits: digitsOf(phone),
	}
}

func (k *keys) match(m *matcher) bool {
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

// match tells whether an entry is wanted in a list for a Friday of calendar
// year current.
func (m *matcher) match(e *Entry, current int) bool {
	if m.CaseID != "" && m.CaseID != e.CaseID || !e.keys.match(m) {
		return false
	}
	if !m.ofYear {
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
		wanted(m.Status, y.CurrentStatus) && wanted(m.NextSteps, y.NextSteps) && wanted(m.HouseholdType, y.HouseholdType) &&
		(m.Program == "" || m.matchProgram(y.Programs)) &&
		(m.Carrier == "" || m.matchCarrier(y.Coverage))
}

// wanted tells whether a filter lets a value pass.
func wanted(filter, value string) bool {
	return filter == "" || filter == value || strings.EqualFold(filter, value)
}

func (m *matcher) matchProgram(programs []string) bool {
	for _, p := range programs {
		if p == m.Program || wanted(m.Program, book.Label(p)) {
			return true
		}
	}
	return false
}

func (m *matcher) matchCarrier(coverage []Coverage) bool {
	for i := range coverage {
		if wanted(m.Carrier, coverage[i].Carrier) {
			return true
		}
	}
	return false
}
