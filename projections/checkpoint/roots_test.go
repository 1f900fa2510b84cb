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

// state is that of a replay, into which tests put what they want.
type state interface {
	admission.State
	book.State
}

func drawState(t *rapid.T) state {
	s := replay.New().State().(state)
	_ = s.PutAgent("A1", fold.Agent{}) // a state in memory takes everything
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

// TestRoots holds that every row of every book can be shown to stand under the
// root over all agents, whatever their order was and however many worked; and
// that another row, place, count or root cannot.
func TestRoots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		all := agentsOf(t, s, rapid.IntRange(1, 4).Draw(t, "workers"))
		if all.Size() != 3 {
			t.Fatalf("%d agents, want 3", all.Size())
		}
		var cases, total uint64
		for _, agent := range []string{"A1", "A2", "A3"} {
			b := bookOf(t, s, agent)
			rows := checkpoint.NewRowTree(rapid.Permutation(b.Rows).Draw(t, "rows"))
			if checkpoint.NewRowTree(b.Rows).Root() != rows.Root() {
				t.Fatal("the order of rows is in the root")
			}
			place, known := all.Prove(agent)
			if !known || place.Agents != all.Size() || place.Root != rows.Root() || place.Rows != uint64(len(b.Rows)) || place.Check(all.Root()) != nil {
				t.Fatalf("agent %s does not stand under the root: %+v", agent, place)
			}
			cases, total = cases+place.Cases, total+place.Rows
			place.Rows++
			if place.Check(all.Root()) == nil {
				t.Fatal("another count stands under the root")
			}
			holdRows(t, b, rows)
		}
		if c, r := all.Counts(); c != cases || r != total {
			t.Fatalf("%d cases and %d rows, want %d and %d", c, r, cases, total)
		}
		if _, known := all.Prove("A4"); known {
			t.Fatal("somebody stands there whom nobody knows")
		}
	})
}

func holdRows(t *rapid.T, b *book.Book, rows *checkpoint.RowTree) {
	for i := range b.Rows {
		r := &b.Rows[i]
		key := checkpoint.RowKeyHash(r.Key())
		at, found := rows.Find(key)
		place, err := rows.Prove(at)
		if !found || err != nil || place.Check(rows.Size(), rows.Root()) != nil {
			t.Fatalf("row %v does not stand under the root (%v)", r.Key(), err)
		}
		if want := checkpoint.RowHash(checkpoint.Salt(r.Case.Changed.Seed, key), r.AppendCanonical(nil)); place.Leaf.Row != want {
			t.Fatal("the leaf is of another row")
		}
		if named := book.AppendCanonical(nil, r.Canonical()); string(named) != string(r.AppendCanonical(nil)) {
			t.Fatal("the named values make another row")
		}
		place.Leaf.Row[0]++
		if place.Check(rows.Size(), rows.Root()) == nil {
			t.Fatal("another row stands under the root")
		}
		place.Leaf.Row[0]--
		if place.Index++; place.Check(rows.Size(), rows.Root()) == nil {
			t.Fatal("it stands elsewhere too")
		}
	}
	if at, found := rows.Find(checkpoint.RowKeyHash(book.RowKey{CaseID: "none"})); found || at > rows.Size() {
		t.Fatal("a row stands there that is not")
	}
}

// TestRootsTellAll holds that roots differ by every cell, and by the record
// that changed a case last.
func TestRootsTellAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		x := &fold.Case{AgentID: "A1", Members: []events.Member{{MemberID: "m1"}}}
		_ = s.PutCase("x", &fold.Case{}, x)
		seen := map[merkle.Hash]string{agentsOf(t, s, 1).Root(): "as it is"}
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
			"an agent more": func() { _ = s.PutAgent("A9", fold.Agent{}) },
		} {
			change()
			root := agentsOf(t, s, 1).Root()
			if other, twice := seen[root]; twice {
				t.Fatalf("%s has the root of: %s", what, other)
			}
			seen[root] = what
		}
	})
}

// TestSealOf holds that a seal is not made of books that do not count what the
// checkpoint has counted.
func TestSealOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := agentsOf(t, drawState(t), 2)
		cases, rows := all.Counts()
		f := checkpoint.Checkpoint{Week: theFriday, Cases: int64(cases), Rows: int64(rows)}
		s, err := f.SealOf(all, merkle.Hash{1}, 1)
		if err != nil || s.Boundary != 42 || s.TreeSize != 42 || s.Cases != int(cases) || s.Rows != int(rows) || s.Rules != 1 || s.Friday != 20260703 {
			t.Fatalf("%+v (%v)", s, err)
		}
		if root := all.Root(); s.BookRoot != hex.EncodeToString(root[:]) || s.TreeRoot[:2] != "01" {
			t.Fatalf("the roots are %s and %s", s.BookRoot, s.TreeRoot)
		}
		f.Rows++
		if _, err := f.SealOf(all, merkle.Hash{1}, 1); err == nil {
			t.Fatal("books of fewer rows than were counted are sealed")
		}
	})
}
