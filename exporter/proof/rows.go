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

// listed is a row as a line of a bundle that has the records of its cases.
type listed struct {
	Changed uint64            `json:"changed"` // the record that changed the case last
	Values  []book.NamedValue `json:"values"`
}

// keyOf returns the key of a row that has these values.
func keyOf(values []book.NamedValue) (k book.RowKey, err error) {
	k.CaseID, k.MemberID = valueOf(values, caseField), valueOf(values, "member.id")
	if year := valueOf(values, "application.year"); year != "" {
		if k.Year, err = strconv.Atoi(year); err != nil {
			return k, differs("the row of case %s has a year that is no number", k.CaseID)
		}
	}
	return k, nil
}

// caseField is the field that holds the id of a row's case.
const caseField = "case.id"

func valueOf(values []book.NamedValue, field string) string {
	for _, v := range values {
		if v.Field == field {
			return v.Value
		}
	}
	return ""
}

func (d *derivation) writeRows(to *folder) error {
	return to.write(rowsFile, func(w io.Writer) error {
		for i := range d.book.Rows {
			r := &d.book.Rows[i]
			if _, err := w.Write(encodeLine(listed{r.Case.Changed.Seq, r.Canonical()})); err != nil {
				return err
			}
		}
		return nil
	})
}

// rows computes the root of the rows in the bundle from their values and the
// records that changed their cases last, and checks it against the sealed one.
func (b *bundle) rows(s *statement, of map[uint64]recorded) (rows [][]book.NamedValue, err error) {
	lines, err := b.lines(rowsFile)
	if err != nil {
		return nil, err
	}
	defer lines.Close()
	var leaves []checkpoint.Leaf
	cases := map[string]uint64{} // the record that changed each last
	for {
		l, err := nextOf[listed](lines)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		leaf, err := leafOf(l, of, cases)
		if err != nil {
			return nil, fmt.Errorf("%w (%s, line %d)", err, rowsFile, lines.n)
		}
		leaves = append(leaves, leaf)
		rows = append(rows, l.Values)
	}
	if uint64(len(rows)) != s.place.Rows || uint64(len(cases)) != s.place.Cases {
		return nil, differs("%s has %d rows of %d cases, and the sealed book %d of %d", rowsFile, len(rows), len(cases), s.place.Rows, s.place.Cases)
	}
	root, err := rootOf(leaves)
	if err != nil {
		return nil, err
	}
	if root != s.place.Root {
		return nil, differs("the rows in %s have the root %x, and the sealed book has %x: a row was changed, or names another record than the one that changed its case last", rowsFile, root[:], s.place.Root[:])
	}
	return rows, nil
}

// leafOf returns the leaf of a row, and notes which record changed its case
// last.
func leafOf(l listed, of map[uint64]recorded, cases map[string]uint64) (leaf checkpoint.Leaf, err error) {
	key, err := keyOf(l.Values)
	if err != nil {
		return leaf, err
	}
	changed, ok := of[l.Changed]
	if !ok || changed.caseID != key.CaseID {
		return leaf, differs("the row of case %s names record %d as the last that changed it, which is not among its records in %s", key.CaseID, l.Changed, recordsFile)
	}
	if last, known := cases[key.CaseID]; known && last != l.Changed {
		return leaf, differs("two rows of case %s name different records as the last that changed it", key.CaseID)
	}
	cases[key.CaseID] = l.Changed
	hash := checkpoint.RowKeyHash(key)
	return checkpoint.Leaf{Key: hash, Row: checkpoint.RowHash(checkpoint.Salt(changed.seed, hash), book.AppendCanonical(nil, l.Values))}, nil
}

// rootOf returns the root of the tree of an agent's rows that has these
// leaves.
func rootOf(leaves []checkpoint.Leaf) (merkle.Hash, error) {
	slices.SortFunc(leaves, func(a, b checkpoint.Leaf) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	t := merkle.NewMemory()
	for i, l := range leaves {
		if i > 0 && l.Key == leaves[i-1].Key {
			return merkle.Hash{}, differs("%s has a row twice", rowsFile)
		}
		t.Append(l.Hash())
	}
	return t.TreeRoot(t.Size())
}
