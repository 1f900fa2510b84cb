package book

import (
	"cmp"
	"slices"
	"strings"

	"bookledger/events"
	"bookledger/projections/fold"
)

// Column is a column of a book: what it is called, and what stands in it.
type Column struct {
	Header string
	Field  Field
}

// RowKey tells the rows of a book apart. Year is 0 and MemberID "" where the case
// has none.
type RowKey struct {
	CaseID   string
	Year     int
	MemberID string
}

// Key returns what tells the row apart from the others of its book.
func (r *Row) Key() RowKey { return RowKey{r.CaseID, r.Year, r.memberID()} }

// CaseRows returns the rows of a case in its holder's book as of a Friday, by
// year and member; none where the case stands in no book. What the rows say of
// the agent is blank.
func CaseRows(calendar *events.Calendar, id string, c *fold.Case, f events.Date) []Row {
	if !InBook(c) {
		return nil
	}
	return appendRows(nil, id, c, nil, calendar.Day(c.Since), f.Year())
}

// ChangeKind is what became of a row between two books.
type ChangeKind string

// The kinds of changes.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// Change is a row that differs between two books.
type Change struct {
	RowKey
	Kind  ChangeKind
	Cells []Cell // that differ, in the order of the columns
}

// Cell is a cell that differs; in a row that is added the old value is blank,
// in one that is removed the new one.
type Cell struct {
	Header   string
	Old, New Value
}

// CountChanges returns how many changes there are of each kind.
func CountChanges(changes []Change) map[ChangeKind]int {
	count := map[ChangeKind]int{}
	for i := range changes {
		count[changes[i].Kind]++
	}
	return count
}

// Diff returns what makes the one book the other, by case, year and
// member. The order of rows in a book is not part of it.
func Diff(from, to *Book, columns []Column) []Change {
	before, after := byKey(from), byKey(to)
	var changes []Change
	for key, old := range before {
		row, stays := after[key]
		kind := Changed
		if !stays {
			kind = Removed
		}
		if cells := differing(old, row, columns); kind == Removed || len(cells) > 0 {
			changes = append(changes, Change{key, kind, cells})
		}
	}
	for key, row := range after {
		if before[key] == nil {
			changes = append(changes, Change{key, Added, differing(nil, row, columns)})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.CaseID, b.CaseID), cmp.Compare(a.Year, b.Year), strings.Compare(a.MemberID, b.MemberID))
	})
	return changes
}

func byKey(b *Book) map[RowKey]*Row {
	rows := make(map[RowKey]*Row, len(b.Rows))
	for i := range b.Rows {
		rows[b.Rows[i].Key()] = &b.Rows[i]
	}
	return rows
}

// differing returns the cells in which two rows differ; a row that is nil is
// blank.
func differing(a, b *Row, columns []Column) (cells []Cell) {
	read := func(f Field, r *Row) Value {
		if r == nil {
			return Value{}
		}
		return f(r)
	}
	for _, column := range columns {
		if before, after := read(column.Field, a), read(column.Field, b); before != after {
			cells = append(cells, Cell{column.Header, before, after})
		}
	}
	return cells
}

// SameCells tells whether two rows say the same in all columns.
func SameCells(a, b *Row, columns []Column) bool {
	return !slices.ContainsFunc(columns, func(c Column) bool { return c.Field(a) != c.Field(b) })
}
