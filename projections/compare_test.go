package projections_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"bookledger/events/record"
	"bookledger/events/record/merkle"
	"bookledger/projections"
	"bookledger/projections/internal/store"
)

// renumber returns a journal of the given records with sequences from 1 without gaps, as
// somebody with write access to its files could produce.
func renumber(records ...[]record.Record) []record.Record {
	all := slices.Concat(records...)
	for i := range all {
		all[i].Seq = uint64(i + 1)
	}
	return all
}

// TestCompare tampers with a journal in every way, at the edges of tiles and between
// them. Compare must report the first record that differs.
func TestCompare(t *testing.T) {
	const n = 700
	records := smallLedger(t, "test", n)
	p := openProjection(t, appliedFS(t, records))
	defer closeOrFail(t, p)
	if got, err := p.Compare(t.Context(), memoryJournal{records, 50}, 0, nil); err != nil || got != n {
		t.Fatalf("the same journal: got %d, %v", got, err)
	}
	grown := append(slices.Clone(records), smallLedger(t, "other", n+5)[n:]...)
	if got, err := p.Compare(t.Context(), memoryJournal{grown, 50}, 0, nil); err != nil || got != n {
		t.Fatalf("the journal with more records: got %d, %v", got, err)
	}
	for _, seq := range []uint64{1, 2, 100, 255, 256, 257, 512, 513, 600, n - 1, n} {
		i := int(seq) - 1
		changed := func(change func(r *record.Record)) []record.Record {
			other := slices.Clone(records)
			change(&other[i])
			return other
		}
		fresh := records[i]
		fresh.Body = []byte("{}")
		tampered := map[string]struct {
			records []record.Record
			kind    projections.DifferenceKind
		}{
			"one byte":   {changed(func(r *record.Record) { r.Body = slices.Clone(r.Body); r.Body[len(r.Body)/2] ^= 1 }), projections.Changed},
			"stamp":      {changed(func(r *record.Record) { r.Stamped = r.Stamped.Add(1) }), projections.Changed},
			"subject":    {changed(func(r *record.Record) { r.Subject += "x" }), projections.Changed},
			"header":     {changed(func(r *record.Record) { r.Header = "2026-11-20T00:00:00Z" }), projections.Changed},
			"tail":       {records[:i], projections.Missing},
			"gap":        {append(slices.Clone(records[:i]), records[i+1:]...), projections.Missing},
			"taken out":  {renumber(records[:i], records[i+1:]), projections.Missing},
			"put in":     {renumber(records[:i], []record.Record{fresh}, records[i:]), projections.Inserted},
			"said twice": {append(slices.Clone(records[:i+1]), records[i:]...), projections.Inserted},
		}
		if seq < n {
			tampered["swapped"] = struct {
				records []record.Record
				kind    projections.DifferenceKind
			}{renumber(records[:i], records[i+1:i+2], records[i:i+1], records[i+2:]), projections.Reordered}
		}
		for what, c := range tampered {
			t.Run(fmt.Sprint(what, " ", seq), func(t *testing.T) {
				got, err := p.Compare(t.Context(), memoryJournal{c.records, 100}, 0, nil)
				var d *projections.Difference
				want := seq
				if what == "said twice" {
					want++
				}
				if what == "said twice" && seq == n {
					if err != nil {
						t.Fatal(err) // the extra record follows all applied ones
					}
					return
				}
				if !errors.As(err, &d) || d.Seq != want || d.Kind != c.kind || got != want-1 || !errors.Is(err, projections.ErrForked) {
					t.Fatalf("got %v after %d, want %s at %d", err, got, c.kind, want)
				}
			})
		}
	}
}

// TestCompareResumes interrupts a comparison with an error of the journal and of the
// pace function, and resumes it.
func TestCompareResumes(t *testing.T) {
	records := smallLedger(t, "test", 700)
	p := openProjection(t, appliedFS(t, records))
	defer closeOrFail(t, p)
	fault := errors.New("connection lost")
	got, err := p.Compare(t.Context(), failingJournal{memoryJournal: memoryJournal{records, 50}, after: 300, err: fault}, 0, nil)
	if !errors.Is(err, fault) || got != 300 {
		t.Fatal(got, err)
	}
	paced := 0
	got, err = p.Compare(t.Context(), memoryJournal{records, 50}, got, func(_ context.Context, n int) error {
		if paced += n; paced > 300 {
			return fault
		}
		return nil
	})
	if !errors.Is(err, fault) || got != 700 || paced != 700-256 {
		t.Fatal(got, paced, err)
	}
	other := slices.Clone(records)
	other[299].Stamped = other[299].Stamped.Add(1)
	var d *projections.Difference
	if got, err = p.Compare(t.Context(), failingJournal{memoryJournal: memoryJournal{other, 50}, after: 350, err: fault}, 0, nil); !errors.As(err, &d) || d.Seq != 300 || got != 299 {
		t.Fatal(got, err) // the difference comes before the journal's error
	}
}

// TestCompareDamagedTree checks that damage to the stored tree is distinguished from a
// journal that differs.
func TestCompareDamagedTree(t *testing.T) {
	records := smallLedger(t, "test", 700)
	for _, c := range []struct {
		what   string
		damage func(b *store.Batch) error
	}{
		{"a leaf", func(b *store.Batch) error { return b.SetUnversioned(store.TilePiece(0, 1, 0), make([]byte, 8192)) }},
		{"a parent", func(b *store.Batch) error { return b.SetUnversioned(store.TilePiece(1, 0, 0), make([]byte, 64)) }},
		{"a tile is gone", func(b *store.Batch) error { return b.DeleteUnversioned(store.TilePiece(0, 0, 0)) }},
		{"a tile is short by a hash", func(b *store.Batch) error { return b.SetUnversioned(store.TilePiece(0, 2, 0), make([]byte, 187*32)) }},
		{"a tile is short", func(b *store.Batch) error { return b.SetUnversioned(store.TilePiece(0, 1, 0), make([]byte, 32)) }},
		{"the parent is gone", func(b *store.Batch) error { return b.DeleteUnversioned(store.TilePiece(1, 0, 0)) }},
	} {
		fs := appliedFS(t, records)
		damageStore(t, fs, c.damage)
		p := openProjection(t, fs)
		if _, err := p.Compare(t.Context(), memoryJournal{records, 50}, 0, nil); !errors.Is(err, merkle.ErrDamaged) || !strings.Contains(err.Error(), "delete the projection folder") {
			t.Errorf("%s: got error %v", c.what, err)
		}
		closeOrFail(t, p)
	}
	// A tile that is not full has no parent, so this damage is reported as a difference.
	fs := appliedFS(t, records)
	damageStore(t, fs, func(b *store.Batch) error { return b.SetUnversioned(store.TilePiece(0, 2, 0), make([]byte, 188*32)) })
	p := openProjection(t, fs)
	var d *projections.Difference
	if _, err := p.Compare(t.Context(), memoryJournal{records, 50}, 0, nil); !errors.As(err, &d) || d.Seq != 513 {
		t.Error(err)
	}
	closeOrFail(t, p)
}

func damageStore(tb testing.TB, fs vfs.FS, damage func(*store.Batch) error) {
	tb.Helper()
	s, err := store.Open("p/store-1", store.Options{FS: fs})
	if err != nil {
		tb.Fatal(err)
	}
	b := s.NewBatch()
	if err := errors.Join(damage(b), b.Commit(), s.Close()); err != nil {
		tb.Fatal(err)
	}
}
