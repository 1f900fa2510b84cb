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

// explain holds that every row of every book, and no other, is explained by
// applied records about its case, none of them after the boundary.
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
					t.Fatalf("of %s at %s: %+v", id, f.Friday, s)
				}
				a.checkSeqs(t, id, s.Seqs, f.Boundary)
				for _, r := range s.Rows {
					got[r.RowKey] = true
					if a.checkSeqs(t, id, r.Seqs, f.Boundary); len(r.Seqs) == 0 {
						t.Fatalf("nothing decided %+v at %s", r, f.Friday)
					}
				}
			}
			if want := a.rows[f.Friday.String()+" "+agent]; !maps.Equal(got, want) {
				t.Fatalf("the book of %s at %s has %v, explained is %v", agent, f.Friday, want, got)
			}
		}
	}
}

// checkSeqs holds that sequences ascend and are of applied records about the
// case.
func (a *ledgerState) checkSeqs(t *rapid.T, id string, seqs []uint64, upTo uint64) {
	for _, seq := range seqs {
		i := slices.IndexFunc(a.Records[id], func(e provenance.Entry) bool { return e.Seq == seq })
		if seq > upTo || i < 0 || a.Records[id][i].Outcome != record.Applied {
			t.Fatalf("record %d has nothing to do with case %s up to %d", seq, id, upTo)
		}
	}
	if !slices.IsSorted(seqs) {
		t.Fatalf("%v are in no order", seqs)
	}
}

// TestCaseRecords holds that records which are not there are an error.
func TestCaseRecordsMissing(t *testing.T) {
	records := smallLedger(t, "test", 200)
	v := viewAfter(t, records)
	index, err := v.History(caseID(1))
	if err != nil || len(index) < 2 {
		t.Fatal(index, err)
	}
	if _, err := v.CaseRecords(t.Context(), memoryJournal{records[:1], 1}, caseID(1), index); err == nil {
		t.Error("records that are not there are no error")
	}
}
