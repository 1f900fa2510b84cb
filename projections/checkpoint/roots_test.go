package checkpoint_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/events/record/merkle"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/internal/admission"
	"bookledger/projections/replay"
)

// state is the state of a replay, which tests can modify.
type state interface {
	admission.State
	book.State
}

func drawState(t *rapid.T) state {
	s := replay.New().State().(state)
	_ = s.PutAgent("A1", fold.Agent{}) // a state in memory returns no errors
	_ = s.PutAgent("A2", fold.Agent{FirstName: "Pat"})
	_ = s.PutAgent("A3", fold.Agent{})
	for i := range rapid.IntRange(0, 12).Draw(t, "cases") {
		c := &fold.Case{AgentID: rapid.SampledFrom([]string{"A1", "A2"}).Draw(t, "agent"), Closed: rapid.IntRange(0, 5).Draw(t, "closed") == 0}
		for m := range rapid.IntRange(0, 3).Draw(t, "members") {
			c.Members = append(c.Members, events.Member{MemberID: fmt.Sprint("m", m), FirstName: "Ana"})
		}
		for y := range rapid.IntRange(0, 2).Draw(t, "years") {
			c.Applications = append(c.Applications, events.ApplicationRecorded{ApplicationYear: 2026 + y})
		}
		c.Changed.Seq, c.Changed.Seed[0] = uint64(i), byte(i)
		_ = s.PutCase(fmt.Sprint("c", i), &fold.Case{}, c)
	}
	return s
}

var theFriday = book.Week{Friday: 20260703, Cutoff: events.DefaultCalendar().Cutoff(20260703), Boundary: 42}

func bookOf(t *rapid.T, s state, agent string) *book.Book {
	b, err := book.ForAgent(context.Background(), s, events.DefaultCalendar(), theFriday, agent)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func agentsOf(t *rapid.T, s state, workers int) *checkpoint.AgentTree {
	a, err := checkpoint.NewAgentTree(context.Background(), s, events.DefaultCalendar(), theFriday, workers)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestProofs checks that every row of every book has a proof up to the book
// root, for any order of rows and any number of workers, and that no proof holds
// for another row, index, count or root.
func TestProofs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		all := agentsOf(t, s, rapid.IntRange(1, 4).Draw(t, "workers"))
		if all.Size() != 3 {
			t.Fatalf("got %d agents, want 3", all.Size())
		}
		var cases, total uint64
		for _, agent := range []string{"A1", "A2", "A3"} {
			b := bookOf(t, s, agent)
			rows := checkpoint.NewRowTree(rapid.Permutation(b.Rows).Draw(t, "rows"))
			if checkpoint.NewRowTree(b.Rows).Root() != rows.Root() {
				t.Fatal("the root depends on the order of the rows")
			}
			proof, known := all.Prove(agent)
			if !known || proof.Agents != all.Size() || proof.Root != rows.Root() || proof.Rows != uint64(len(b.Rows)) || proof.Check(all.Root()) != nil {
				t.Fatalf("agent %s: invalid proof %+v", agent, proof)
			}
			cases, total = cases+proof.Cases, total+proof.Rows
			proof.Rows++
			if proof.Check(all.Root()) == nil {
				t.Fatal("a proof with another count was accepted")
			}
			checkRowProofs(t, b, rows)
		}
		if c, r := all.Counts(); c != cases || r != total {
			t.Fatalf("got %d cases and %d rows, want %d and %d", c, r, cases, total)
		}
		if _, known := all.Prove("A4"); known {
			t.Fatal("an unknown agent has a proof")
		}
	})
}

func checkRowProofs(t *rapid.T, b *book.Book, rows *checkpoint.RowTree) {
	for i := range b.Rows {
		r := &b.Rows[i]
		key := checkpoint.RowKeyHash(r.Key())
		at, found := rows.Find(key)
		proof, err := rows.Prove(at)
		if !found || err != nil || proof.Check(rows.Size(), rows.Root()) != nil {
			t.Fatalf("row %v: invalid proof (%v)", r.Key(), err)
		}
		if want := checkpoint.RowHash(checkpoint.Salt(r.Case.Changed.Seed, key), r.AppendCanonical(nil)); proof.Leaf.Row != want {
			t.Fatal("the leaf has the hash of another row")
		}
		if named := book.AppendCanonical(nil, r.Canonical()); string(named) != string(r.AppendCanonical(nil)) {
			t.Fatal("the canonical form from named values differs")
		}
		proof.Leaf.Row[0]++
		if proof.Check(rows.Size(), rows.Root()) == nil {
			t.Fatal("a proof with another row was accepted")
		}
		proof.Leaf.Row[0]--
		if proof.Index++; proof.Check(rows.Size(), rows.Root()) == nil {
			t.Fatal("a proof with another index was accepted")
		}
	}
	if at, found := rows.Find(checkpoint.RowKeyHash(book.RowKey{CaseID: "none"})); found || at > rows.Size() {
		t.Fatal("found a row that does not exist")
	}
}

// TestRootsCoverEverything checks that the root changes with every cell, and with
// the record that last changed a case.
func TestRootsCoverEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		x := &fold.Case{AgentID: "A1", Members: []events.Member{{MemberID: "m1"}}}
		_ = s.PutCase("x", &fold.Case{}, x)
		seen := map[merkle.Hash]string{agentsOf(t, s, 1).Root(): "unchanged"}
		for what, change := range map[string]func(){
			"a member's name":     func() { x.Members[0].FirstName = "Eva" },
			"the primary contact": func() { x.Household.PrimaryContact.LastName = "Eva" },
			"inactive":            func() { x.Inactive = true },
			"another record":      func() { x.Changed.Seed[31]++ },
			"another holder": func() {
				before := *x
				x.AgentID = "A2"
				_ = s.PutCase("x", &before, x)
			},
			"another agent's name": func() {
				_ = s.PutAgent("A1", fold.Agent{LastName: "Lee"})
				_ = s.PutAgent("A2", fold.Agent{LastName: "Lee"})
			},
			"one more agent": func() { _ = s.PutAgent("A9", fold.Agent{}) },
		} {
			change()
			root := agentsOf(t, s, 1).Root()
			if other, twice := seen[root]; twice {
				t.Fatalf("%s: same root as %s", what, other)
			}
			seen[root] = what
		}
	})
}

// TestSealOf checks the fields of a seal, and that books whose counts differ
// from the checkpoint are not sealed.
func TestSealOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := agentsOf(t, drawState(t), 2)
		cases, rows := all.Counts()
		f := checkpoint.Checkpoint{Week: theFriday, Cases: int64(cases), Rows: int64(rows)}
		s, err := f.SealOf(all, merkle.Hash{1}, 1)
		if err != nil || s.Boundary != 42 || s.TreeSize != 42 || s.Cases != int(cases) || s.Rows != int(rows) || s.Rules != 1 || s.Friday != 20260703 {
			t.Fatalf("got seal %+v (%v)", s, err)
		}
		if root := all.Root(); s.BookRoot != hex.EncodeToString(root[:]) || s.TreeRoot[:2] != "01" {
			t.Fatalf("got roots %s and %s", s.BookRoot, s.TreeRoot)
		}
		f.Rows++
		if _, err := f.SealOf(all, merkle.Hash{1}, 1); err == nil {
			t.Fatal("books with fewer rows than the checkpoint counted were sealed")
		}
	})
}
