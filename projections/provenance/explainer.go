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

// Explainer explains what cases show in books, with these columns, and in live
// lists.
type Explainer struct {
	Calendar *events.Calendar
	Columns  []book.Column // of the books
	Weeks    []book.Week   // that have ended, the earliest first
	Open     events.Date   // whose week is open
}

// ownerFilter tells whose books are looked at.
type ownerFilter func(agent string) bool

func allOwners(string) bool { return true }

func ownerIs(agent string) ownerFilter { return func(a string) bool { return a == agent } }

// rows are those of a case in the owner's book as of a Friday.
func (l *Explainer) rows(id string, c *fold.Case, f events.Date, o ownerFilter) []book.Row {
	if !o(c.AgentID) {
		return nil
	}
	return book.CaseRows(l.Calendar, id, c, f)
}

// rowsByKey are the same, to be found.
func (l *Explainer) rowsByKey(id string, c *fold.Case, f events.Date, o ownerFilter) map[book.RowKey]*book.Row {
	rows := l.rows(id, c, f, o)
	found := make(map[book.RowKey]*book.Row, len(rows))
	for i := range rows {
		found[rows[i].Key()] = &rows[i]
	}
	return found
}

// sameRow tells whether two rows, or none, are the same and of the same agent.
func (l *Explainer) sameRow(a, b *book.Row) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Case.AgentID == b.Case.AgentID && book.SameCells(a, b, l.Columns)
}

// decidingSeqs returns for each row of a book the sequences of the records that
// decidingSeqs it at the end of the history, in their order: the row would differ
// without the record, all later ones judged anew; or had nothing been said of a
// section that the record was the last to write. A row that is added or removed
// was also decidingSeqs by every record that put the case into the book or took it out.
func (l *Explainer) decidingSeqs(ctx context.Context, h *history, f events.Date, o ownerFilter, rows []book.Change) ([][]uint64, error) {
	end := l.rowsByKey(h.id, h.end(), f, o)
	decided := make([][]uint64, len(rows))
	for i := range h.steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s, as := &h.steps[i], end
		if !s.applied() {
			continue
		}
		if without := h.without(i); without.refold(math.MaxUint64) {
			as = l.rowsByKey(h.id, without.state(), f, o)
		}
		unsaid := end
		if last, ok := h.lastWriter[s.section]; ok && last == i {
			unsaid = l.rowsByKey(h.id, h.withoutSection(s.section), f, o)
		}
		moved := inBook(&s.before, o) != inBook(&s.after, o)
		for j := range rows {
			row, k := end[rows[j].RowKey], rows[j].RowKey
			if !l.sameRow(row, as[k]) || row != nil && !l.sameRow(row, unsaid[k]) || moved && rows[j].Kind != book.Changed {
				decided[j] = append(decided[j], s.entry.Seq)
			}
		}
	}
	return decided, nil
}

// sameBook tells whether a case would stand in the book in the same way.
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

// sameLists tells whether a case would stand in the live lists in the same way.
func (l *Explainer) sameLists(id string, a, b *fold.Case, o ownerFilter) bool {
	return l.sameBook(id, a, b, l.Open, o) && l.listText(id, a, o) == l.listText(id, b, o)
}

// listText is what the live lists show of a case, as text.
func (l *Explainer) listText(id string, c *fold.Case, o ownerFilter) (text string) {
	if c.Closed {
		return ""
	}
	entry, err := json.Marshal(list.NewEntry(id, c, l.Calendar).Shown(l.Open.Year()))
	if err != nil {
		panic(fmt.Sprintf("an entry of texts, dates and numbers was not encoded: %v", err)) // a fault of book
	}
	if c.AgentID != "" && o(c.AgentID) {
		text = fmt.Sprintf("%s %t %s\n", c.AgentID, c.Inactive, entry)
	}
	for _, r := range c.Pending {
		if o(r.AgentID) {
			text += fmt.Sprintf("%s asked on %s %s\n", r.AgentID, l.Calendar.Day(r.Requested), entry)
		}
	}
	return text
}
