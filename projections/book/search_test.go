package book_test

import (
	"strings"
	"testing"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// TestSearch holds what is found by a name, a case id, and words of anything.
func TestSearch(t *testing.T) {
	l := newLedger()
	add := func(id, firstName, lastName, phone, email, zip, county string) {
		l.hold(id, "a1", &fold.Case{Household: events.HouseholdRecorded{
			PrimaryContact: events.Contact{FirstName: firstName, LastName: lastName, Phone: phone, Email: email},
			Address:        events.Address{ZIP: zip, County: county},
		}})
	}
	add("11", "José", "García", "(916) 555-0100", "JG@mail.example", "95838", "Sacramento")
	add("12", "Mary Ann", "O'Hara", "415.555.0199", "mary@other.example", "94110", "San Francisco")
	add("13", "Zoë", "Joseph", "", "zoé@mail.example", "", "Cañada")
	l.hold("14", "a1", named("", ""))
	for _, c := range []struct {
		q    book.Query
		want string
	}{
		{book.Query{Name: "jose"}, "11 13"},
		{book.Query{Name: "JOSÉ"}, "11 13"},
		{book.Query{Name: " garcia\tjose "}, "11"},
		{book.Query{Name: "ann o'h"}, "12"},
		{book.Query{Name: "annmary"}, ""},
		{book.Query{Name: "sacramento"}, ""},
		{book.Query{Name: "  "}, "11 12 13 14"},
		{book.Query{Name: "josegarcia"}, ""}, // of two names, not of one
		{book.Query{CaseID: "12"}, "12"},
		{book.Query{CaseID: "1"}, ""},
		{book.Query{Q: "jose"}, "11 13"},
		{book.Query{Q: "(916) 555-0100"}, "11"},
		{book.Query{Q: "9165550100"}, "11"},
		{book.Query{Q: "555-01"}, "11 12"},
		{book.Query{Q: "(555) "}, "11 12"},
		{book.Query{Q: "()-"}, ""},
		{book.Query{Q: "x555"}, ""},
		{book.Query{Q: "jg@MAIL"}, "11"},
		{book.Query{Q: "ZOÉ@"}, "13"},
		{book.Query{Q: "zoe@"}, ""}, // an e-mail is no name
		{book.Query{Q: "mail.example"}, "11 13"},
		{book.Query{Q: "941"}, "12"},
		{book.Query{Q: "canada"}, "13"},
		{book.Query{Q: "francisco mary 0199 4110"}, "12"},
		{book.Query{Q: "francisco jose"}, ""},
		{book.Query{Q: "11"}, "12"}, // in the ZIP; the case id has its own field
		{book.Query{Q: "jose", Name: "zo"}, "13"},
		{book.Query{Q: "jose", Name: "zo", CaseID: "11"}, ""},
		{book.Query{Q: "jose", Sort: "-case_id", Limit: 1}, "13"},
		{book.Query{Q: "jose", Status: "Submitted"}, ""},
	} {
		if c.q.Sort == "" {
			c.q.Sort = book.ByCaseID
		}
		got, _, _ := strings.Cut(listed(t, l, c.q), " of ")
		if got != c.want {
			t.Errorf("%+v: got %q, want %q", c.q, got, c.want)
		}
	}
}
