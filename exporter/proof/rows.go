package proof

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"

	"bookledger/events/record/merkle"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
)

// rowLine is a line of rowsFile.
type rowLine struct {
	Changed uint64            `json:"changed"` // sequence of the record that changed the row's case last
	Values  []book.NamedValue `json:"values"`
}

// keyOf returns the key of the row with these values.
func keyOf(values []book.NamedValue) (k book.RowKey, err error) {
	k.CaseID, k.MemberID = valueOf(values, caseField), valueOf(values, "member.id")
	if year := valueOf(values, "application.year"); year != "" {
		if k.Year, err = strconv.Atoi(year); err != nil {
			return k, mismatchf("the row of case %s has a year that is not a number", k.CaseID)
		}
	}
	return k, nil
}

// caseField is the field with the id of a row's case.
const caseField = "case.id"

func valueOf(values []book.NamedValue, field string) string {
	for _, v := range values {
		if v.Field == field {
			return v.Value
		}
	}
	return ""
}

func (d *derivation) writeRows(to *bundleWriter) error {
	return to.writeFile(rowsFile, func(w io.Writer) error {
		for i := range d.book.Rows {
			r := &d.book.Rows[i]
			if _, err := w.Write(encodeLine(rowLine{r.Case.Changed.Seq, r.Canonical()})); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkRows computes the root of the rows in rowsFile and checks it against the
// sealed root. The root depends on the values and on the records that changed the
// cases last. It returns the values of each row.
func (b *bundle) checkRows(s *statement, caseRecords map[uint64]caseRecord) (rows [][]book.NamedValue, err error) {
	lines, err := b.openLines(rowsFile)
	if err != nil {
		return nil, err
	}
	defer lines.Close()
	var leaves []checkpoint.Leaf
	cases := map[string]uint64{} // the record that changed each case last
	for {
		l, err := nextJSON[rowLine](lines)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		leaf, err := leafOf(l, caseRecords, cases)
		if err != nil {
			return nil, fmt.Errorf("%w (%s, line %d)", err, rowsFile, lines.n)
		}
		leaves = append(leaves, leaf)
		rows = append(rows, l.Values)
	}
	if uint64(len(rows)) != s.agentProof.Rows || uint64(len(cases)) != s.agentProof.Cases {
		return nil, mismatchf("%s has %d rows of %d cases; the sealed book has %d rows of %d cases", rowsFile, len(rows), len(cases), s.agentProof.Rows, s.agentProof.Cases)
	}
	root, err := rootOf(leaves)
	if err != nil {
		return nil, err
	}
	if root != s.agentProof.Root {
		return nil, mismatchf("the rows in %s have the root %x, but the sealed book has %x: a row was changed, or names the wrong record as the last one that changed its case", rowsFile, root[:], s.agentProof.Root[:])
	}
	return rows, nil
}

// leafOf returns the leaf of a row, and adds the record that changed its case last
// to cases.
func leafOf(l rowLine, caseRecords map[uint64]caseRecord, cases map[string]uint64) (leaf checkpoint.Leaf, err error) {
	key, err := keyOf(l.Values)
	if err != nil {
		return leaf, err
	}
	changed, ok := caseRecords[l.Changed]
	if !ok || changed.caseID != key.CaseID {
		return leaf, mismatchf("the row of case %s names record %d as the last that changed the case, which is not among the case's records in %s", key.CaseID, l.Changed, recordsFile)
	}
	if last, known := cases[key.CaseID]; known && last != l.Changed {
		return leaf, mismatchf("two rows of case %s name different records as the last that changed the case", key.CaseID)
	}
	cases[key.CaseID] = l.Changed
	hash := checkpoint.RowKeyHash(key)
	return checkpoint.Leaf{Key: hash, Row: checkpoint.RowHash(checkpoint.Salt(changed.seed, hash), book.AppendCanonical(nil, l.Values))}, nil
}

// rootOf returns the root of an agent's tree of rows with these leaves.
func rootOf(leaves []checkpoint.Leaf) (merkle.Hash, error) {
	slices.SortFunc(leaves, func(a, b checkpoint.Leaf) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	t := merkle.NewMemory()
	for i, l := range leaves {
		if i > 0 && l.Key == leaves[i-1].Key {
			return merkle.Hash{}, mismatchf("%s contains a row twice", rowsFile)
		}
		t.Append(l.Hash())
	}
	return t.TreeRoot(t.Size())
}
