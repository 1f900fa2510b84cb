package projections_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"bookledger/events/record"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/provenance"
	"bookledger/projections/replay"
	"bookledger/schemas"
)

// allColumns are the columns of the books.
func allColumns(t *rapid.T) (columns []book.Column) {
	set, err := schemas.ColumnSet("1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range set.Columns {
		field, ok := book.FieldByName(c.Field)
		if !ok {
			t.Fatalf("no field %s", c.Field)
		}
		columns = append(columns, book.Column{Header: c.Header, Field: field})
	}
	return columns
}

// owned is whose book it is: an agent's or an agency's.
type owned struct{ agent, agency string }

// books are those of all Fridays, as a replay has them.
type books struct {
	provenance.Explainer
	of      []map[owned]*book.Book // by Friday, in their order
	owns    []map[string]string    // the agency of each agent, by Friday
	cases   []map[string]fold.Case // as of each boundary
	records map[string][]provenance.Entry
}

var owners = []owned{{"a1", ""}, {"a2", ""}, {"a3", ""}, {"", "y1"}, {"", "y2"}}

func replayedBooks(t *rapid.T, records []record.Record) *books {
	b, r := &books{records: map[string][]provenance.Entry{}}, replay.New()
	r.OnJudged(func(rec *record.Decoded, v replay.Verdict) error {
		if id := rec.CaseID; id != "" {
			b.records[id] = append(b.records[id], replay.EntryOf(rec, v))
		}
		return nil
	})
	r.OnCheckpoint(func(f checkpoint.Checkpoint) error {
		made, agencies, cases := map[owned]*book.Book{}, map[string]string{}, map[string]fold.Case{}
		for _, o := range owners {
			var err error
			if o.agent != "" {
				made[o], err = book.ForAgent(context.Background(), r.State(), r.Calendar(), f.Week, o.agent)
			} else {
				made[o], err = book.ForAgency(context.Background(), r.State(), r.Calendar(), f.Week, o.agency)
			}
			if errors.Is(err, book.ErrUnknown) {
				made[o], err = &book.Book{Week: f.Week}, nil
			}
			if err != nil {
				return err
			}
		}
		b.Weeks, b.of, b.owns, b.cases = append(b.Weeks, f.Week), append(b.of, made), append(b.owns, agencies), append(b.cases, cases)
		return errors.Join(r.State().EachAgent(func(id string, a *fold.Agent) error {
			agencies[id] = a.AgencyID
			return nil
		}), r.State().EachCase(func(id string, c *fold.Case) error {
			cases[id] = *c
			return nil
		}))
	})
	apply(t, r, records)
	b.Calendar, b.Columns, b.Open = r.Calendar(), allColumns(t), r.OpenFriday()
	return b
}

// checkRows holds that every row of every book, and no other, is explained by
// applied records about its case, none of them after the boundary.
func (b *books) checkRows(t *rapid.T) {
	for i, f := range b.Weeks {
		for _, agent := range allAgents {
			want, got := map[book.Key]bool{}, map[book.Key]bool{}
			rows := b.of[i][owned{agent, ""}].Rows
			for j := range rows {
				want[rows[j].Key()] = true
			}
			for _, id := range allCases {
				s, err := b.Standing(context.Background(), id, b.records[id], f, agent)
				if err != nil {
					t.Fatal(err)
				}
				if (len(s.Rows) == 0) != (s.Absence != "") {
					t.Fatalf("of %s at %s: %+v", id, f.Friday, s)
				}
				for _, r := range s.Rows {
					got[r.Key] = true
					b.checkSeqs(t, id, r.Seqs, 0, f.Boundary)
				}
				b.checkSeqs(t, id, s.Seqs, 0, f.Boundary)
				if len(s.Rows) > 0 && len(s.Rows[0].Seqs) == 0 {
					t.Fatalf("nothing decided %+v at %s", s.Rows[0], f.Friday)
				}
			}
			if !maps.Equal(got, want) {
				t.Fatalf("the book of %s at %s has %v, explained is %v", agent, f.Friday, want, got)
			}
		}
	}
}

// checkSeqs holds that sequences ascend and are of applied records about the
// case.
func (b *books) checkSeqs(t *rapid.T, id string, seqs []uint64, after, upTo uint64) {
	if !slices.IsSorted(seqs) {
		t.Fatalf("%v are in no order", seqs)
	}
	for _, seq := range seqs {
		i := slices.IndexFunc(b.records[id], func(e provenance.Entry) bool { return e.Seq == seq })
		if seq <= after || seq > upTo || i < 0 || b.records[id][i].Outcome != record.Applied {
			t.Fatalf("record %d has nothing to do with case %s after %d and up to %d", seq, id, after, upTo)
		}
	}
}

// cells are the rows of a book as its columns show them.
func cells(b *book.Book, columns []book.Column) map[book.Key][]book.Value {
	all := map[book.Key][]book.Value{}
	for i := range b.Rows {
		values := make([]book.Value, len(columns))
		for j, c := range columns {
			values[j] = c.Field(&b.Rows[i])
		}
		all[b.Rows[i].Key()] = values
	}
	return all
}

// checkDifference holds that a difference makes the one book the other, and
// that each change has a cause. source gives how a case stood at a boundary
// and the records about it up to another.
func (b *books) checkDifference(t *rapid.T, o owned, i, j int, source func(id string, i, j int) (fold.Case, []provenance.Entry)) {
	from, to := b.of[i][o], b.of[j][o]
	changes := book.Difference(from, to, b.Columns)
	got := cells(from, b.Columns)
	for _, ch := range changes {
		if ch.Kind == book.Removed {
			delete(got, ch.Key)
			continue
		}
		if got[ch.Key] == nil {
			got[ch.Key] = make([]book.Value, len(b.Columns))
		}
		for _, cell := range ch.Cells {
			got[ch.Key][slices.IndexFunc(b.Columns, func(c book.Column) bool { return c.Header == cell.Header })] = cell.New
		}
		in := provenance.Interval{CaseID: ch.CaseID, From: b.Weeks[i], To: b.Weeks[j], Owns: func(agent string) bool {
			agency, known := b.owns[j][agent]
			return known && (agent == o.agent || o.agency != "" && agency == o.agency)
		}}
		in.Start, in.Entries = source(ch.CaseID, i, j)
		causes, err := b.Causes(context.Background(), in, []book.Change{ch})
		if err != nil {
			t.Fatal(err)
		}
		b.checkCause(t, ch, causes[0], in, o)
	}
	if want := cells(to, b.Columns); !reflect.DeepEqual(got, want) {
		t.Fatalf("the difference makes\n%v, not\n%v", got, want)
	}
}

func (b *books) checkCause(t *rapid.T, ch book.Change, cause provenance.Cause, in provenance.Interval, o owned) {
	b.checkSeqs(t, ch.CaseID, cause.Seqs, in.From.Boundary, in.To.Boundary)
	if (len(cause.Seqs) == 0) != (cause.Other != "") {
		t.Fatalf("%+v was caused by %+v", ch, cause)
	}
	switch cause.Other {
	case provenance.NewYear:
		if in.From.Friday.Year() == in.To.Friday.Year() {
			t.Fatalf("there was no new year to cause %+v", ch)
		}
	case provenance.OfAgent:
		mine := !slices.ContainsFunc(ch.Cells, func(c book.Cell) bool { return c.Header != "Agent Name" && c.Header != "Agent License" })
		if !(mine && ch.Kind == book.Changed) && o.agency == "" {
			t.Fatalf("the agent cannot have caused %+v", ch)
		}
	}
}

// TestProvenance holds on random histories that every row of a book is
// explained, that the difference of two books makes the one of the other and
// has its causes, and that the projection finds the same records as a replay.
func TestProvenance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := history(t)
		b := replayedBooks(t, records)
		b.checkRows(t)

		p := openOn(t, vfs.NewMem())
		catchUp(t, p, records, rapid.IntRange(1, 40).Draw(t, "chunk"))
		v := viewOf(t, p)
		source := func(id string, i, j int) (fold.Case, []provenance.Entry) {
			start, _, err := v.AsOf(b.Weeks[i].Friday).Case(id)
			if err != nil {
				t.Fatal(err)
			}
			entries := caseRecords(t, v, records, id, b.Weeks[i].Boundary, b.Weeks[j].Boundary)
			if want := b.cases[i][id]; fmt.Sprint(start) != fmt.Sprint(want) {
				t.Fatalf("case %s as of %s is %+v, want %+v", id, b.Weeks[i].Friday, start, want)
			}
			return start, entries
		}
		for j := 1; j < len(b.Weeks); j++ {
			for _, o := range owners {
				b.checkDifference(t, o, rapid.IntRange(0, j-1).Draw(t, "from"), j, source)
			}
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		closeAll(t, p)
	})
}

// TestCaseRecords holds that records which are not there are an error.
func TestCaseRecords(t *testing.T) {
	records := ledger(t, "test", 200)
	v := shown(t, records)
	index, err := v.History(caseID(1))
	if err != nil || len(index) < 2 {
		t.Fatal(index, err)
	}
	if all, err := v.CaseRecords(t.Context(), slice{records, 1}, caseID(1), index); err != nil || len(all) != len(index) {
		t.Errorf("of %d records %d were read (%v)", len(index), len(all), err)
	}
	if _, err := v.CaseRecords(t.Context(), slice{records[:1], 1}, caseID(1), index); err == nil {
		t.Error("records that are not there are no error")
	}
}
