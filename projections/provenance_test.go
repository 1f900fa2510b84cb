package projections_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/book"
	"bookledger/projections/provenance"
)

// checkProvenance checks that exactly the rows of the books are explained, by applied
// records about their case that are not after the boundary.
func (a *ledgerState) checkProvenance(t *rapid.T, c *events.Calendar) {
	l := provenance.Explainer{Calendar: c}
	for _, name := range renderedFields {
		field, _ := book.FieldByName(name)
		l.Columns = append(l.Columns, book.Column{Header: name, Field: field})
	}
	for _, f := range a.Fridays {
		for _, agent := range allAgents {
			got := map[book.RowKey]bool{}
			for _, id := range allCases {
				s, err := l.InBook(context.Background(), id, a.Records[id], f.Week, agent)
				if err != nil {
					t.Fatal(err)
				}
				if (len(s.Rows) == 0) != (s.Absence != "") {
					t.Fatalf("case %s at %s: got %+v", id, f.Friday, s)
				}
				a.checkSeqs(t, id, s.Seqs, f.Boundary)
				for _, r := range s.Rows {
					got[r.RowKey] = true
					if a.checkSeqs(t, id, r.Seqs, f.Boundary); len(r.Seqs) == 0 {
						t.Fatalf("no record decided %+v at %s", r, f.Friday)
					}
				}
			}
			if want := a.rows[f.Friday.String()+" "+agent]; !maps.Equal(got, want) {
				t.Fatalf("the book of %s at %s: got explained rows %v, want %v", agent, f.Friday, got, want)
			}
		}
	}
}

// checkSeqs checks that sequences ascend and belong to applied records about the case.
func (a *ledgerState) checkSeqs(t *rapid.T, id string, seqs []uint64, upTo uint64) {
	for _, seq := range seqs {
		i := slices.IndexFunc(a.Records[id], func(e provenance.Entry) bool { return e.Seq == seq })
		if seq > upTo || i < 0 || a.Records[id][i].Outcome != record.Applied {
			t.Fatalf("record %d is not an applied record about case %s up to %d", seq, id, upTo)
		}
	}
	if !slices.IsSorted(seqs) {
		t.Fatalf("sequences %v are not sorted", seqs)
	}
}

// TestCaseRecordsMissing checks that a record that the journal does not contain is an error.
func TestCaseRecordsMissing(t *testing.T) {
	records := smallLedger(t, "test", 200)
	v := viewAfter(t, records)
	index, err := v.History(caseID(1))
	if err != nil || len(index) < 2 {
		t.Fatal(index, err)
	}
	if _, err := v.CaseRecords(t.Context(), memoryJournal{records[:1], 1}, caseID(1), index); err == nil {
		t.Error("got no error for missing records")
	}
}
