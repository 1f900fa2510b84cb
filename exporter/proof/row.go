package proof

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"

	"bookledger/events"
	"bookledger/events/record/merkle"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
)

// ErrAmbiguousRow is returned for a row that was not named well enough to be proven.
var ErrAmbiguousRow = errors.New("it is not clear which row is meant")

// rowProof is that a row stands in an agent's book or, with the neighbours
// that its key would stand between, that it does not.
type rowProof struct {
	CaseID   string                 `json:"case_id"`
	MemberID string                 `json:"member_id"`
	Year     int                    `json:"year"`
	Present  *present               `json:"present,omitempty"`
	Absent   *[]checkpoint.RowProof `json:"absent_between,omitempty"` // which say nothing of their rows
}

// present is a row in its place.
type present struct {
	Values []book.NamedValue `json:"values"`
	Salt   merkle.Hash       `json:"salt"`
	Index  uint64            `json:"index"` // among the rows of the book, from 0 on
	Path   []merkle.Hash     `json:"path"`  // to the root of the rows
}

func (p rowProof) key() book.RowKey {
	return book.RowKey{CaseID: p.CaseID, MemberID: p.MemberID, Year: p.Year}
}

// isRow reports whether a row of that case and member can be.
func isRow(caseID, member string) bool {
	return events.IsIdentifier(caseID) && (member == "" || events.IsIdentifier(member))
}

// choose returns the row that is asked for, nil where the book has none.
func (d *derivation) choose() (key book.RowKey, row *book.Row, err error) {
	q := d.q
	key = book.RowKey{CaseID: q.Case, MemberID: q.Member, Year: q.Year}
	for i := range d.book.Rows {
		r := &d.book.Rows[i]
		k := r.Key()
		if k.CaseID != q.Case || q.Member != "" && k.MemberID != q.Member || q.Year != 0 && k.Year != q.Year {
			continue
		}
		if row != nil {
			return key, nil, fmt.Errorf("%w: the case has several rows in that book; name the member and the year", ErrAmbiguousRow)
		}
		key, row = k, r
	}
	if row == nil && (q.Member == "") != (q.Year == 0) {
		return key, nil, fmt.Errorf("%w: the case has no such row in that book; to have its absence proven, name both the member and the year", ErrAmbiguousRow)
	}
	return key, row, nil
}

// row makes the proof of a row, or of its absence.
func (d *derivation) row() ([]byte, error) {
	key, row, err := d.choose()
	if err != nil {
		return nil, err
	}
	rows, hash := checkpoint.NewRowTree(d.book.Rows), checkpoint.RowKeyHash(key)
	index, found := rows.Find(hash)
	if found != (row != nil) {
		return nil, errors.New("proving a row: the book and its tree do not agree")
	}
	p := rowProof{CaseID: key.CaseID, MemberID: key.MemberID, Year: key.Year}
	if found {
		place, err := rows.Prove(index)
		p.Present = &present{row.Canonical(), checkpoint.Salt(row.Case.Changed.Seed, hash), index, place.Path}
		return encode(p), err
	}
	p.Absent = &[]checkpoint.RowProof{}
	for _, i := range [...]uint64{index - 1, index} { // before the first there is none, nor after the last
		if i >= rows.Size() {
			continue
		}
		place, err := rows.Prove(i)
		if err != nil {
			return nil, err
		}
		*p.Absent = append(*p.Absent, place)
	}
	return encode(p), nil
}

// row checks the proof of a row against the sealed root of the book's rows.
func (b *bundle) row(s *statement) (p rowProof, err error) {
	if p, err = readAs[rowProof](b, rowFile); err != nil {
		return p, err
	}
	switch {
	case !isRow(p.CaseID, p.MemberID):
		return p, differs("%s: no case or member can have the ids %q and %q", rowFile, p.CaseID, p.MemberID)
	case (p.Present == nil) == (p.Absent == nil):
		return p, differs("%s must say either where the row stands or between which it does not", rowFile)
	case p.Present != nil:
		return p, p.checkPresent(s.place)
	}
	return p, p.checkAbsent(s.place)
}

func (p rowProof) checkPresent(in checkpoint.AgentProof) error {
	k, err := keyOf(p.Present.Values)
	if err != nil {
		return err
	}
	if k != p.key() {
		return differs("%s: the values are of the row of case %s, member %q, year %d", rowFile, k.CaseID, k.MemberID, k.Year)
	}
	leaf := checkpoint.Leaf{Key: checkpoint.RowKeyHash(k), Row: checkpoint.RowHash(p.Present.Salt, book.AppendCanonical(nil, p.Present.Values))}
	place := checkpoint.RowProof{Index: p.Present.Index, Leaf: leaf, Path: p.Present.Path}
	if err := place.Check(in.Rows, in.Root); err != nil {
		return differs("%s: the row with these values is not in the sealed book: %v", rowFile, err)
	}
	return nil
}

// checkAbsent checks that the neighbours stand beside each other, or at the
// end of the tree, and that the key would stand between them.
func (p rowProof) checkAbsent(in checkpoint.AgentProof) error {
	key, all := checkpoint.RowKeyHash(p.key()), *p.Absent
	for _, n := range all {
		if err := n.Check(in.Rows, in.Root); err != nil {
			return differs("%s: a neighbour is not in the sealed book: %v", rowFile, err)
		}
		if n.Key == key {
			return differs("%s: the row is said to be absent, and stands in the sealed book", rowFile)
		}
	}
	before := func(n checkpoint.RowProof) bool { return bytes.Compare(n.Key[:], key[:]) < 0 }
	switch {
	case len(all) == 0 && in.Rows == 0: // the root of none is the hash of nothing
		if in.Root != sha256.Sum256(nil) {
			return differs("%s: the sealed book has no rows, but not the root of none", rowFile)
		}
	case len(all) == 1 && all[0].Index == 0 && !before(all[0]):
	case len(all) == 1 && all[0].Index == in.Rows-1 && before(all[0]):
	case len(all) == 2 && all[0].Index+1 == all[1].Index && before(all[0]) && !before(all[1]):
	default:
		return differs("%s: the neighbours are not those between which the row would stand", rowFile)
	}
	return nil
}

// name names the row for people.
func (p rowProof) name() string {
	member, year := ", no member", ", no year"
	if p.MemberID != "" {
		member = ", member " + p.MemberID
	}
	if p.Year != 0 {
		year = ", year " + strconv.Itoa(p.Year)
	}
	return "case " + p.CaseID + member + year
}
