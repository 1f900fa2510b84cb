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

// ErrAmbiguousRow is returned when a Request does not identify one row.
var ErrAmbiguousRow = errors.New("the request does not identify one row")

// rowProof proves that a row is in an agent's book, or that it is absent. Absence
// is proven by the neighbors between which the row's key would be in the tree.
type rowProof struct {
	CaseID   string                 `json:"case_id"`
	MemberID string                 `json:"member_id"`
	Year     int                    `json:"year"`
	Present  *presentRow            `json:"present,omitempty"`
	Absent   *[]checkpoint.RowProof `json:"absent_between,omitempty"` // the neighbors: hashes only
}

// presentRow is a row of a book and its inclusion proof.
type presentRow struct {
	Values []book.NamedValue `json:"values"`
	Salt   merkle.Hash       `json:"salt"`
	Index  uint64            `json:"index"` // in the tree of the book's rows, from 0
	Path   []merkle.Hash     `json:"path"`  // to the root of that tree
}

func (p rowProof) key() book.RowKey {
	return book.RowKey{CaseID: p.CaseID, MemberID: p.MemberID, Year: p.Year}
}

// validRowIDs reports whether a row may have these ids. The member may be blank.
func validRowIDs(caseID, member string) bool {
	return events.IsIdentifier(caseID) && (member == "" || events.IsIdentifier(member))
}

// findRow returns the requested row, or nil if the book does not have it.
func (d *derivation) findRow() (key book.RowKey, row *book.Row, err error) {
	q := d.request
	key = book.RowKey{CaseID: q.Case, MemberID: q.Member, Year: q.Year}
	for i := range d.book.Rows {
		r := &d.book.Rows[i]
		k := r.Key()
		if k.CaseID != q.Case || q.Member != "" && k.MemberID != q.Member || q.Year != 0 && k.Year != q.Year {
			continue
		}
		if row != nil {
			return key, nil, fmt.Errorf("%w: the case has several rows in that book: name the member and the year", ErrAmbiguousRow)
		}
		key, row = k, r
	}
	if row == nil && (q.Member == "") != (q.Year == 0) {
		return key, nil, fmt.Errorf("%w: the book has no such row: to prove its absence, name both the member and the year", ErrAmbiguousRow)
	}
	return key, row, nil
}

// proveRow returns the content of rowFile: the proof of the requested row, or of its
// absence.
func (d *derivation) proveRow() ([]byte, error) {
	key, row, err := d.findRow()
	if err != nil {
		return nil, err
	}
	rows, hash := checkpoint.NewRowTree(d.book.Rows), checkpoint.RowKeyHash(key)
	index, found := rows.Find(hash)
	if found != (row != nil) {
		return nil, errors.New("proving a row: the book and its tree disagree")
	}
	p := rowProof{CaseID: key.CaseID, MemberID: key.MemberID, Year: key.Year}
	if found {
		place, err := rows.Prove(index)
		p.Present = &presentRow{row.Canonical(), checkpoint.Salt(row.Case.Changed.Seed, hash), index, place.Path}
		return encode(p), err
	}
	p.Absent = &[]checkpoint.RowProof{}
	for _, i := range [...]uint64{index - 1, index} { // the first key has no neighbor before it, the last none after it
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

// checkRow checks rowFile against the sealed root of the book's rows.
func (b *bundle) checkRow(s *statement) (p rowProof, err error) {
	if p, err = readAs[rowProof](b, rowFile); err != nil {
		return p, err
	}
	switch {
	case !validRowIDs(p.CaseID, p.MemberID):
		return p, mismatchf("%s: case %q or member %q is not a valid id", rowFile, p.CaseID, p.MemberID)
	case (p.Present == nil) == (p.Absent == nil):
		return p, mismatchf("%s must contain either the row or its neighbors", rowFile)
	case p.Present != nil:
		return p, p.checkPresent(s.agentProof)
	}
	return p, p.checkAbsent(s.agentProof)
}

func (p rowProof) checkPresent(in checkpoint.AgentProof) error {
	k, err := keyOf(p.Present.Values)
	if err != nil {
		return err
	}
	if k != p.key() {
		return mismatchf("%s: the values belong to the row of case %s, member %q, year %d", rowFile, k.CaseID, k.MemberID, k.Year)
	}
	leaf := checkpoint.Leaf{Key: checkpoint.RowKeyHash(k), Row: checkpoint.RowHash(p.Present.Salt, book.AppendCanonical(nil, p.Present.Values))}
	place := checkpoint.RowProof{Index: p.Present.Index, Leaf: leaf, Path: p.Present.Path}
	if err := place.Check(in.Rows, in.Root); err != nil {
		return mismatchf("%s: the row with these values is not in the sealed book: %v", rowFile, err)
	}
	return nil
}

// checkAbsent checks that the neighbors are adjacent, or at an end of the tree, and
// that the row's key would be between them.
func (p rowProof) checkAbsent(in checkpoint.AgentProof) error {
	key, all := checkpoint.RowKeyHash(p.key()), *p.Absent
	for _, n := range all {
		if err := n.Check(in.Rows, in.Root); err != nil {
			return mismatchf("%s: a neighbor is not in the sealed book: %v", rowFile, err)
		}
		if n.Key == key {
			return mismatchf("%s: the row is in the sealed book, although the proof claims its absence", rowFile)
		}
	}
	before := func(n checkpoint.RowProof) bool { return bytes.Compare(n.Key[:], key[:]) < 0 }
	switch {
	case len(all) == 0 && in.Rows == 0: // the root of an empty tree is the hash of no bytes
		if in.Root != sha256.Sum256(nil) {
			return mismatchf("%s: the sealed book has no rows, but its root is not that of an empty tree", rowFile)
		}
	case len(all) == 1 && all[0].Index == 0 && !before(all[0]):
	case len(all) == 1 && all[0].Index == in.Rows-1 && before(all[0]):
	case len(all) == 2 && all[0].Index+1 == all[1].Index && before(all[0]) && !before(all[1]):
	default:
		return mismatchf("%s: the row would not be between these neighbors", rowFile)
	}
	return nil
}

// describe returns the row's key as text for people.
func (p rowProof) describe() string {
	member, year := "no member", "no year"
	if p.MemberID != "" {
		member = "member " + p.MemberID
	}
	if p.Year != 0 {
		year = "year " + strconv.Itoa(p.Year)
	}
	return "case " + p.CaseID + " (" + member + ", " + year + ")"
}
