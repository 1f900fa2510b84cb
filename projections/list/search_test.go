package list_test

import (
	"strings"
	"testing"

	"bookledger/events"
	"bookledger/projections/fold"
	"bookledger/projections/list"
)

// TestSearch checks searching by name, by case id and by words in any field.
func TestSearch(t *testing.T) {
	l := cases{}
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
		q    list.Query
		want string
	}{
		{list.Query{Name: "jose"}, "11 13"},
		{list.Query{Name: "JOSÉ"}, "11 13"},
		{list.Query{Name: " garcia\tjose "}, "11"},
		{list.Query{Name: "ann o'h"}, "12"},
		{list.Query{Name: "annmary"}, ""},
		{list.Query{Name: "sacramento"}, ""},
		{list.Query{Name: "  "}, "11 12 13 14"},
		{list.Query{Name: "josegarcia"}, ""}, // each word must be in one name
		{list.Query{CaseID: "12"}, "12"},
		{list.Query{CaseID: "1"}, ""},
		{list.Query{Q: "jose"}, "11 13"},
		{list.Query{Q: "(916) 555-0100"}, "11"},
		{list.Query{Q: "9165550100"}, "11"},
		{list.Query{Q: "555-01"}, "11 12"},
		{list.Query{Q: "(555) "}, "11 12"},
		{list.Query{Q: "()-"}, ""},
		{list.Query{Q: "x555"}, ""},
		{list.Query{Q: "jg@MAIL"}, "11"},
		{list.Query{Q: "ZOÉ@"}, "13"},
		{list.Query{Q: "zoe@"}, ""}, // accents in an email are not removed
		{list.Query{Q: "mail.example"}, "11 13"},
		{list.Query{Q: "941"}, "12"},
		{list.Query{Q: "canada"}, "13"},
		{list.Query{Q: "francisco mary 0199 4110"}, "12"},
		{list.Query{Q: "francisco jose"}, ""},
		{list.Query{Q: "11"}, "12"}, // in the ZIP; the case id has its own field
		{list.Query{Q: "jose", Name: "zo"}, "13"},
		{list.Query{Q: "jose", Name: "zo", CaseID: "11"}, ""},
		{list.Query{Q: "jose", Sort: "-case_id", Limit: 1}, "13"},
		{list.Query{Q: "jose", Status: "Submitted"}, ""},
	} {
		if c.q.Sort == "" {
			c.q.Sort = list.ByCaseID
		}
		got, _, _ := strings.Cut(pageIDs(t, l, c.q), " of ")
		if got != c.want {
			t.Errorf("%+v: got %q, want %q", c.q, got, c.want)
		}
	}
}
