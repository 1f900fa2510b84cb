package book

import (
	"cmp"
	"slices"
	"strings"

	"bookledger/events"
	"bookledger/projections/fold"
)

// Column is a column of a book: its header and the field that it shows.
type Column struct {
	Header string
	Field  Field
}

// RowKey identifies a row within a book. Year is 0 if the case has no year, and
// MemberID is "" if it has no listed member.
type RowKey struct {
	CaseID   string
	Year     int
	MemberID string
}

// Key returns the key of the row.
func (r *Row) Key() RowKey { return RowKey{r.CaseID, r.Year, r.memberID()} }

// CaseRows returns the rows of a case in its holder's book of a Friday, in order of
// year and member. It returns nil if the case is in no book. The agent's fields in
// the rows are blank.
func CaseRows(calendar *events.Calendar, id string, c *fold.Case, friday events.Date) []Row {
	if !InBook(c) {
		return nil
	}
	return appendRows(nil, id, c, nil, calendar.Day(c.Since), friday.Year())
}

// ChangeKind describes how a row differs between two books.
type ChangeKind string

// The kinds of change.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// Change is a row that differs between two books.
type Change struct {
	RowKey
	Kind  ChangeKind
	Cells []Cell // the differing cells, in the order of the columns
}

// Cell is a cell that differs. Old is blank in an added row, and New in a removed
// row.
type Cell struct {
	Header   string
	Old, New Value
}

// CountChanges returns the number of changes of each kind.
func CountChanges(changes []Change) map[ChangeKind]int {
	count := map[ChangeKind]int{}
	for i := range changes {
		count[changes[i].Kind]++
	}
	return count
}

// Diff returns the changes that turn one book into the other, in order of case,
// year and member. It ignores the order of the rows.
func Diff(from, to *Book, columns []Column) []Change {
	before, after := rowsByKey(from), rowsByKey(to)
	var changes []Change
	for key, old := range before {
		row, remains := after[key]
		kind := Changed
		if !remains {
			kind = Removed
		}
		if cells := diffCells(old, row, columns); kind == Removed || len(cells) > 0 {
			changes = append(changes, Change{key, kind, cells})
		}
	}
	for key, row := range after {
		if before[key] == nil {
			changes = append(changes, Change{key, Added, diffCells(nil, row, columns)})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.CaseID, b.CaseID), cmp.Compare(a.Year, b.Year), strings.Compare(a.MemberID, b.MemberID))
	})
	return changes
}

func rowsByKey(b *Book) map[RowKey]*Row {
	rows := make(map[RowKey]*Row, len(b.Rows))
	for i := range b.Rows {
		rows[b.Rows[i].Key()] = &b.Rows[i]
	}
	return rows
}

// diffCells returns the cells in which two rows differ. A nil row is blank.
func diffCells(a, b *Row, columns []Column) (cells []Cell) {
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

// SameCells reports whether two rows have the same values in all columns.
func SameCells(a, b *Row, columns []Column) bool {
	return !slices.ContainsFunc(columns, func(c Column) bool { return c.Field(a) != c.Field(b) })
}
