package provenance

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/projections/list"
)

// Explainer explains what books with these columns, and the live lists, show of
// a case.
type Explainer struct {
	Calendar *events.Calendar
	Columns  []book.Column // of the books
	Weeks    []book.Week   // that have ended, the earliest first
	Open     events.Date   // Friday of the open week
}

// ownerFilter reports whether the books of an agent are considered.
type ownerFilter func(agent string) bool

func allOwners(string) bool { return true }

func ownerIs(agent string) ownerFilter { return func(a string) bool { return a == agent } }

// rows returns the rows of a case in the owner's book as of Friday f.
func (l *Explainer) rows(id string, c *fold.Case, f events.Date, o ownerFilter) []book.Row {
	if !o(c.AgentID) {
		return nil
	}
	return book.CaseRows(l.Calendar, id, c, f)
}

// rowsByKey returns the same rows by their keys.
func (l *Explainer) rowsByKey(id string, c *fold.Case, f events.Date, o ownerFilter) map[book.RowKey]*book.Row {
	rows := l.rows(id, c, f, o)
	found := make(map[book.RowKey]*book.Row, len(rows))
	for i := range rows {
		found[rows[i].Key()] = &rows[i]
	}
	return found
}

// sameRow reports whether two rows have the same cells and agent, or both are
// nil.
func (l *Explainer) sameRow(a, b *book.Row) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Case.AgentID == b.Case.AgentID && book.SameCells(a, b, l.Columns)
}

// decidingSeqs returns, for each of the rows of a book, the records that
// decided it at the end of the history, in order. A record decided a row if the
// row would differ without it, with all later records processed again. It also
// decided the row if it was the last to write a section, and the row would
// differ without any record of that section. A row that was added or removed
// was also decided by every record that put the case into the book or took it
// out.
func (l *Explainer) decidingSeqs(ctx context.Context, h *history, f events.Date, o ownerFilter, rows []book.Change) ([][]uint64, error) {
	end := l.rowsByKey(h.id, h.end(), f, o)
	decided := make([][]uint64, len(rows))
	for i := range h.steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s, without := &h.steps[i], end
		if !s.applied() {
			continue
		}
		if c := h.without(i); c.refold(math.MaxUint64) {
			without = l.rowsByKey(h.id, c.state(), f, o)
		}
		withoutSection := end
		if last, ok := h.lastWriter[s.section]; ok && last == i {
			withoutSection = l.rowsByKey(h.id, h.withoutSection(s.section), f, o)
		}
		moved := inBook(&s.before, o) != inBook(&s.after, o)
		for j := range rows {
			row, k := end[rows[j].RowKey], rows[j].RowKey
			if !l.sameRow(row, without[k]) || row != nil && !l.sameRow(row, withoutSection[k]) || moved && rows[j].Kind != book.Changed {
				decided[j] = append(decided[j], s.entry.Seq)
			}
		}
	}
	return decided, nil
}

// sameBook reports whether the book as of Friday f shows the same of both
// cases.
func (l *Explainer) sameBook(id string, a, b *fold.Case, f events.Date, o ownerFilter) bool {
	as, bs := l.rows(id, a, f, o), l.rows(id, b, f, o)
	if len(as) != len(bs) {
		return false
	}
	for i := range as {
		if as[i].Key() != bs[i].Key() || !l.sameRow(&as[i], &bs[i]) {
			return false
		}
	}
	return true
}

// sameLists reports whether the coming book and the live lists show the same of
// both cases.
func (l *Explainer) sameLists(id string, a, b *fold.Case, o ownerFilter) bool {
	return l.sameBook(id, a, b, l.Open, o) && l.listText(id, a, o) == l.listText(id, b, o)
}

// listText returns what the live lists show of a case, as text to compare.
func (l *Explainer) listText(id string, c *fold.Case, o ownerFilter) (text string) {
	if c.Closed {
		return ""
	}
	entry, err := json.Marshal(list.NewEntry(id, c, l.Calendar).Shown(l.Open.Year()))
	if err != nil {
		panic(fmt.Sprintf("encoding a list entry: %v", err)) // a programming error: entries can always be encoded
	}
	if c.AgentID != "" && o(c.AgentID) {
		text = fmt.Sprintf("%s %t %s\n", c.AgentID, c.Inactive, entry)
	}
	for _, r := range c.Pending {
		if o(r.AgentID) {
			text += fmt.Sprintf("%s requested on %s %s\n", r.AgentID, l.Calendar.Day(r.Requested), entry)
		}
	}
	return text
}
