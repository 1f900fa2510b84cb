package book_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

var testColumns = []book.Column{column("Case ID", "case.id"), column("First Name", "primary.first_name"), column("Program", "eligibility.program"), column("Agent", "agent.name")}

func column(header, name string) book.Column {
	field, ok := book.FieldByName(name)
	if !ok {
		panic(name)
	}
	return book.Column{Header: header, Field: field}
}

// TestDiff checks that changes are listed by case, year and member, each with
// the cells that differ.
func TestDiff(t *testing.T) {
	one := &fold.Case{AgentID: "A1", Members: []events.Member{{MemberID: "1"}, {MemberID: "2"}}}
	one.Household.PrimaryContact.FirstName = "Ann"
	one.Eligibility = []events.EligibilityDetermined{{MemberID: "1", ApplicationYear: 2026, Program: "medi_cal"}}
	other := *one
	other.Members = []events.Member{{MemberID: "1"}, {MemberID: "3"}}
	other.Eligibility = []events.EligibilityDetermined{{MemberID: "1", ApplicationYear: 2026, Program: "none"}}
	unchanged := &fold.Case{AgentID: "A1"}
	bookOf := func(cases map[string]*fold.Case) *book.Book {
		b := &book.Book{}
		for _, id := range []string{"9", "5", "7"} { // in any order
			if c := cases[id]; c != nil {
				b.Rows = append(b.Rows, book.CaseRows(events.DefaultCalendar(), id, c, 20261120)...)
			}
		}
		return b
	}
	from := bookOf(map[string]*fold.Case{"5": one, "7": unchanged})
	to := bookOf(map[string]*fold.Case{"5": &other, "7": unchanged, "9": unchanged})
	var got strings.Builder
	for _, ch := range book.Diff(from, to, testColumns) {
		fmt.Fprintf(&got, "%s %s %d %q", ch.Kind, ch.CaseID, ch.Year, ch.MemberID)
		for _, c := range ch.Cells {
			fmt.Fprintf(&got, " %s: %s>%s", c.Header, c.Old, c.New)
		}
		got.WriteByte('\n')
	}
	const want = `changed 5 2026 "1" Program: Medi-Cal>None
removed 5 2026 "2" Case ID: 5> First Name: Ann>
added 5 2026 "3" Case ID: >5 First Name: >Ann
added 9 0 "" Case ID: >9
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
	for _, c := range []*fold.Case{{}, {AgentID: "A1", Closed: true}} {
		if rows := book.CaseRows(events.DefaultCalendar(), "5", c, 20261120); rows != nil {
			t.Errorf("case %+v: got rows %+v, want none", c, rows)
		}
	}
}

// cellsOf returns the values of a book by row and column.
func cellsOf(b *book.Book) map[book.RowKey][]book.Value {
	all := map[book.RowKey][]book.Value{}
	for i := range b.Rows {
		r := &b.Rows[i]
		for _, c := range testColumns {
			all[r.Key()] = append(all[r.Key()], c.Field(r))
		}
	}
	return all
}

// TestDiffTurnsOneBookIntoTheOther applies the changes between two books to the
// first one.
func TestDiffTurnsOneBookIntoTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := agentBook(t, drawState(t), 20260703, "a1"), agentBook(t, drawState(t), 20260703, "a1")
		got := cellsOf(from)
		for _, ch := range book.Diff(from, to, testColumns) {
			if ch.Kind == book.Removed {
				delete(got, ch.RowKey)
				continue
			}
			if ch.Kind == book.Added {
				got[ch.RowKey] = make([]book.Value, len(testColumns))
			}
			for _, cell := range ch.Cells {
				got[ch.RowKey][slices.IndexFunc(testColumns, func(c book.Column) bool { return c.Header == cell.Header })] = cell.New
			}
		}
		if want := cellsOf(to); !reflect.DeepEqual(got, want) {
			t.Fatalf("after applying the changes: got\n%v\nwant\n%v", got, want)
		}
		if same := book.Diff(to, to, testColumns); len(same) > 0 {
			t.Fatalf("same book: got changes %+v, want none", same)
		}
	})
}
