package projections_test

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

// openProjection opens the projection on a file system.
func openProjection(tb rapid.TB, fs vfs.FS) *projections.Projection {
	tb.Helper()
	p, err := projections.Open(projections.Options{Dir: "p", FS: fs})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func closeOrFail(tb rapid.TB, what interface{ Close() error }) {
	tb.Helper()
	if err := what.Close(); err != nil {
		tb.Fatal(err)
	}
}

// catchUp applies records; the journal yields chunk of them at a time.
func catchUp(tb rapid.TB, p *projections.Projection, records []record.Record, chunk int) {
	tb.Helper()
	if err := p.CatchUp(context.Background(), memoryJournal{records, chunk}); err != nil {
		tb.Fatal(err)
	}
}

func openView(tb rapid.TB, p *projections.Projection) *projections.View {
	tb.Helper()
	v, err := p.View()
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// apply replays records.
func apply(tb rapid.TB, r *replay.Replay, records []record.Record) {
	tb.Helper()
	if err := replay.RunAll(r.Steps(records...)); err != nil {
		tb.Fatal(err)
	}
}

// smallLedger returns the first n records of a small ledger over several weeks, with some
// duplicates and rejections.
func smallLedger(tb testing.TB, id string, n int) []record.Record {
	tb.Helper()
	s := newEventGenerator(7)
	records := []record.Record{{Seq: 1, Stamped: s.time, Subject: events.SubjectGenesis, Body: genesisBody(tb, id)}}
	for i := range n - 1 {
		var m message
		switch i % 40 {
		case 20:
			m = s.encode(&events.DelegationAccepted{Delegation: events.Delegation{CaseID: caseID(1), AgentID: s.agent()}})
		case 30:
			m = s.last
		default:
			m = s.next(i)
		}
		s.time = s.time.Add(2 * time.Hour)
		records = append(records, record.Record{Seq: uint64(i + 2), Stamped: s.time, Subject: m.subject, Body: m.body})
	}
	return records
}

// ledgerSummary is the status of a ledger with its Fridays and rejections, in comparable form.
type ledgerSummary struct {
	Status   projections.Status
	Fridays  []checkpoint.Checkpoint
	Rejected []projections.RejectedEvent
}

func (t ledgerSummary) check(tb testing.TB, p *projections.Projection) {
	tb.Helper()
	v := openView(tb, p)
	defer closeOrFail(tb, v)
	var got ledgerSummary
	var errs [3]error
	got.Status, errs[0] = v.Status()
	got.Fridays, errs[1] = v.Checkpoints()
	errs[2] = v.EachRejected(func(r projections.RejectedEvent) error {
		got.Rejected = append(got.Rejected, r)
		return nil
	})
	if err := errors.Join(errs[:]...); err != nil {
		tb.Fatal(err)
	}
	if !reflect.DeepEqual(got, t) {
		tb.Fatalf("got from the projection\n%+v\nwant\n%+v", got, t)
	}
}

// replaySummary replays records from the beginning.
func replaySummary(tb testing.TB, records []record.Record) ledgerSummary {
	tb.Helper()
	r := replay.New()
	apply(tb, r, records)
	status, err := r.Status()
	if err != nil {
		tb.Fatal(err)
	}
	fridays, _ := r.Checkpoints()
	return ledgerSummary{status, fridays, r.Rejected()}
}

// checkNoGoroutines checks that no goroutine of the projection is left. A goroutine whose
// end has been awaited may still be executing its last steps.
func checkNoGoroutines(tb testing.TB) {
	tb.Helper()
	for deadline := time.Now().Add(time.Minute); ; runtime.Gosched() {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left := slices.IndexFunc(projectionFrames, func(of string) bool { return strings.Contains(string(stacks), of) })
		if left < 0 {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("goroutine in %s is left:\n%s", projectionFrames[left], stacks)
		}
	}
}

var projectionFrames = []string{"projections.(*Projection).advance", "pipeline.Run"}

func TestWaitFor(t *testing.T) {
	ctx := t.Context()
	s := newEventGenerator(7)
	src := newFeed(smallLedger(t, "test", 1)...)
	household := s.household(1)
	first := s.record(household)
	want := []struct {
		record  record.Record
		outcome record.Outcome
	}{
		{first, record.Applied},
		{s.record(household), record.Unchanged},
		{first, record.Duplicate},
		{s.record(&events.DelegationAccepted{Delegation: events.Delegation{CaseID: caseID(1), AgentID: "A-1"}}), record.Rejected},
		{s.record(s.delegation(1)), record.Applied},
	}
	fs := vfs.NewMem()
	p := openProjection(t, fs)
	stop := follow(p, src)
	for _, w := range want {
		seq := src.add(w.record)
		outcome, rejected, err := p.WaitFor(ctx, seq)
		if err != nil || outcome != w.outcome || (rejected != nil) != (outcome == record.Rejected) {
			t.Fatalf("record %d: got %v, %v, %v, want %v", seq, outcome, rejected, err, w.outcome)
		}
		if rejected != nil && (rejected.Seq != seq || rejected.Code != events.NoPendingRequest) {
			t.Fatalf("record %d: got rejection %+v", seq, rejected)
		}
	}

	short, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := p.WaitFor(short, 100); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	checkNoGoroutines(t)
	closeOrFail(t, p)

	// After a restart, only rejections are known.
	p = openProjection(t, fs)
	for i, w := range want {
		outcome, _, err := p.WaitFor(ctx, uint64(i+2))
		if err != nil || (outcome == record.Rejected) != (w.outcome == record.Rejected) {
			t.Fatalf("record %d: got %v, %v", i+2, outcome, err)
		}
	}
	closeOrFail(t, p)
}

// TestWaitForAcrossInterruption waits for a record while following is interrupted. The
// caller does not notice the interruption, unless following is not resumed.
func TestWaitForAcrossInterruption(t *testing.T) {
	records := smallLedger(t, "test", 400)
	fault := errors.New("connection lost")
	p := openProjection(t, vfs.NewMem())
	if err := p.Follow(t.Context(), failingJournal{memoryJournal: memoryJournal{records, 50}, after: 150, err: fault}); !errors.Is(err, fault) {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := p.WaitFor(ended, 151); !errors.Is(err, context.Canceled) || !errors.Is(err, fault) {
		t.Fatal(err)
	}
	if outcome, _, err := p.WaitFor(ended, 150); err != nil || outcome == 0 {
		t.Fatal(outcome, err) // the record has been applied, so the failure does not matter
	}
	waiting := make(chan error, 1)
	go func() {
		_, _, err := p.WaitFor(t.Context(), 400)
		waiting <- err
	}()
	for _, want := range []uint64{250, 350} {
		if err := p.Follow(t.Context(), failingJournal{memoryJournal: memoryJournal{records, 3}, after: 100, err: fault}); !errors.Is(err, fault) || p.Position() != want {
			t.Fatal(err, p.Position()) // everything yielded is applied, and the journal's error is returned
		}
		checkNoGoroutines(t)
	}
	if err := p.Follow(t.Context(), memoryJournal{records, 50}); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; err != nil {
		t.Fatal(err)
	}
	replaySummary(t, records).check(t, p)
	closeOrFail(t, p)
}

// TestWaitForOldRecords waits for records whose slots in the recent outcomes were
// overwritten.
func TestWaitForOldRecords(t *testing.T) {
	const recent = 1 << 16
	s := newEventGenerator(7)
	records := smallLedger(t, "test", 30)
	for range recent {
		r := s.clock(s.calendar.FridayOf(s.time))
		r.Seq, r.Stamped = uint64(len(records)+1), records[len(records)-1].Stamped
		records = append(records, r)
	}
	p := openProjection(t, vfs.NewMem())
	catchUp(t, p, records, 512)
	for seq, want := range map[uint64]record.Outcome{
		22: record.Rejected, 23: record.Applied, // their slots contain later records
		recent + 30: record.Duplicate,
	} {
		if outcome, _, err := p.WaitFor(t.Context(), seq); err != nil || outcome != want {
			t.Errorf("record %d: got %v, %v, want %v", seq, outcome, err, want)
		}
	}
	closeOrFail(t, p)
}

// failingJournal is a journal that returns err after some records of each read.
type failingJournal struct {
	memoryJournal
	after int
	err   error
	then  func()
}

func (b failingJournal) Follow(ctx context.Context, after uint64, yield func([]record.Record) error) error {
	return b.Read(ctx, after, uint64(len(b.records)), yield)
}

func (b failingJournal) Read(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error {
	if err := b.memoryJournal.Read(ctx, after, min(upTo, after+uint64(b.after)), yield); err != nil {
		return err
	}
	if b.then != nil {
		b.then()
	}
	return b.err
}

// TestCancelAfterLastRecord cancels the context when the journal has just yielded its last
// record. Either everything is applied, or CatchUp returns an error.
func TestCancelAfterLastRecord(t *testing.T) {
	records := smallLedger(t, "test", 3000)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		p := openProjection(t, vfs.NewMem())
		err := p.CatchUp(ctx, failingJournal{memoryJournal: memoryJournal{records, 512}, after: len(records), then: cancel})
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if err == nil && p.Position() != uint64(len(records)) {
			t.Fatalf("got position %d after CatchUp without an error", p.Position())
		}
		checkNoGoroutines(t)
		closeOrFail(t, p)
	}
}

// TestGapStopsFollowing follows a journal in which a record is missing.
func TestGapStopsFollowing(t *testing.T) {
	records := smallLedger(t, "test", 300)
	p := openProjection(t, vfs.NewMem())
	if err := p.Follow(t.Context(), memoryJournal{slices.Delete(slices.Clone(records), 200, 201), 50}); err == nil {
		t.Fatal("got no error for a missing record")
	}
	checkNoGoroutines(t)
	if p.Position() > 200 {
		t.Fatalf("got position %d, want at most 200", p.Position())
	}
	catchUp(t, p, records, 50)
	replaySummary(t, records).check(t, p)
	closeOrFail(t, p)
}

// TestRejectsAnotherJournal follows an older copy of the journal, a fork of it, and another
// ledger's shorter and longer journals. The store must stay as it is, as evidence of what
// was applied.
func TestRejectsAnotherJournal(t *testing.T) {
	fs := vfs.NewMem()
	p := openProjection(t, fs)
	records := smallLedger(t, "one", 300)
	catchUp(t, p, records, 50)
	fork := slices.Clone(records)
	fork[299].Stamped = fork[299].Stamped.Add(1)
	for _, c := range []struct {
		records []record.Record
		want    error
	}{
		{records[:299], projections.ErrAhead}, {fork, projections.ErrForked},
		{smallLedger(t, "other", 200), projections.ErrAhead}, {smallLedger(t, "other", 400), projections.ErrForked},
	} {
		if err := p.Follow(t.Context(), memoryJournal{c.records, 50}); !errors.Is(err, c.want) {
			t.Fatalf("%d records: got error %v, want %v", len(c.records), err, c.want)
		}
	}
	replaySummary(t, records).check(t, p)
	closeOrFail(t, p)
	checkOnlyStore(t, fs, "store-1")
}

// checkOnlyStore checks that the projection folder contains one store.
func checkOnlyStore(tb testing.TB, fs vfs.FS, want string) {
	tb.Helper()
	names, err := fs.List("p")
	if err != nil {
		tb.Fatal(err)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"CURRENT", want}) {
		tb.Fatalf("got files %v", names)
	}
}

// TestNoCheckpointBeforeFirstCutoff checks that a view and a replay explain in the same
// words why there is no latest Friday yet.
func TestNoCheckpointBeforeFirstCutoff(t *testing.T) {
	for _, n := range []int{1, 2} {
		records := smallLedger(t, "test", n)
		p := openProjection(t, appliedFS(t, records))
		v := openView(t, p)
		_, want := replayDump(t, records).Checkpoint(0)
		if _, err := v.Checkpoint(0); !errors.Is(err, checkpoint.ErrNoCheckpoint) || err.Error() != want.Error() {
			t.Errorf("after %d records: got %v, want %v", n, err, want)
		}
		closeOrFail(t, v)
		closeOrFail(t, p)
	}
}
