package projections_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/active"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/list"
	"bookledger/projections/provenance"
	"bookledger/projections/replay"
)

// ledgerState is everything that can be read from a ledger, in comparable form.
type ledgerState struct {
	Status   projections.Status
	Rejected []projections.RejectedEvent
	Exports  []projections.ExportStep
	Fridays  []checkpoint.Checkpoint
	Hashes   map[events.Date]string
	Seals    map[events.Date]events.Sealed   // the seal that each Friday should have
	Books    map[string]string               // by Friday and agent
	Lists    map[string]string               // live, by agent
	Records  map[string][]provenance.Entry   // by case
	rows     map[string]map[book.RowKey]bool // the row keys of Books
	clock    timeChecker
}

var (
	allAgents = []string{"a1", "a2", "a3"}
	allCases  = []string{"5000000001", "5000000002", "5000000003"}
)

var renderedFields = []string{"case.id", "application.year", "household.type", "primary.first_name", "member.id",
	"eligibility.program", "health.net_premium", "dental.status", "delegation.status", "delegation.since", "agent.name"}

// formatBook formats the fields of a book's rows as text.
func formatBook(b *book.Book) string {
	var out strings.Builder
	for i := range b.Rows {
		for _, name := range renderedFields {
			field, _ := book.FieldByName(name)
			fmt.Fprintf(&out, "%s|", field(&b.Rows[i]))
		}
		out.WriteByte('\n')
	}
	return out.String()
}

type fullState interface {
	book.State
	book.FullState
}

// treeRooter computes roots of the journal's tree.
type treeRooter interface {
	TreeRoot(size uint64) ([32]byte, error)
}

// addFriday adds the state as of a Friday and checks the checkpoint's counts against
// the books.
func (a *ledgerState) addFriday(t *rapid.T, s fullState, tree treeRooter, c *events.Calendar, f checkpoint.Checkpoint) {
	sum, err := book.StateHash(s)
	if err != nil {
		t.Fatal(err)
	}
	a.Hashes[f.Friday] = fmt.Sprintf("%x", sum)
	var cases, rows int64
	for _, agent := range allAgents {
		b, err := book.ForAgent(context.Background(), s, c, f.Week, agent)
		if errors.Is(err, book.ErrUnknownOwner) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		_, n := b.Counts()
		cases, rows = cases+int64(n), rows+int64(len(b.Rows))
		of := f.Friday.String() + " " + agent
		a.Books[of], a.rows[of] = formatBook(b), map[book.RowKey]bool{}
		for i := range b.Rows {
			a.rows[of][b.Rows[i].Key()] = true
		}
	}
	agents, err := checkpoint.NewAgentTree(context.Background(), s, c, f.Week, 2)
	if err != nil {
		t.Fatal(err)
	}
	root, err := tree.TreeRoot(f.Boundary)
	if err != nil {
		t.Fatal(err)
	}
	if a.Seals[f.Friday], err = f.SealOf(agents, root, fold.RulesNumber); err != nil {
		t.Fatal(err)
	}
	if cases != f.Cases || rows != f.Rows {
		t.Fatalf("Friday %s: the checkpoint has %d cases and %d rows, its books have %d and %d", f.Friday, f.Cases, f.Rows, cases, rows)
	}
}

func (a *ledgerState) addLists(t *rapid.T, s book.State, c *events.Calendar, open events.Date) {
	for _, agent := range allAgents {
		lists, err := list.New(c, agent, func(yield func(string, *fold.Case) error) error { return s.EachHeld(agent, yield) })
		if err != nil {
			t.Fatal(err)
		}
		page, total := lists.Active.Page(list.Query{}, open.Year())
		a.Lists[agent] = fmt.Sprintf("%d %+v", total, page)
	}
}

func newLedgerState() *ledgerState {
	return &ledgerState{Hashes: map[events.Date]string{}, Seals: map[events.Date]events.Sealed{}, Books: map[string]string{}, Lists: map[string]string{}, Records: map[string][]provenance.Entry{}, rows: map[string]map[book.RowKey]bool{}}
}

// addSteps adds what a replay yields, step by step.
func (a *ledgerState) addSteps(t *rapid.T, r *replay.Replay, steps iter.Seq2[replay.Step, error]) {
	for step, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
		if step.Checkpoint != nil {
			a.addFriday(t, r.State(), r, r.Calendar(), *step.Checkpoint)
			continue
		}
		if id := step.CaseID(); id != "" {
			a.Records[id] = append(a.Records[id], step.Entry())
		}
		a.clock.observe(t, step.Record, step.Result)
	}
}

// finish adds the replay's final state.
func (a *ledgerState) finish(t *rapid.T, r *replay.Replay) {
	status, err := r.Status()
	if err != nil {
		t.Fatal(err)
	}
	a.Status, a.Rejected, a.Exports = status, r.Rejected(), r.Exports()
	a.Fridays, _ = r.Checkpoints()
	a.addLists(t, r.State(), r.Calendar(), r.OpenFriday())
	a.clock.checkFridays(t, r.Calendar(), r.OpenFriday(), a.Fridays)
}

// fromReplay derives the state from records.
func fromReplay(t *rapid.T, records []record.Record) *ledgerState {
	a, r := newLedgerState(), replay.New()
	a.addSteps(t, r, r.Steps(records...))
	a.finish(t, r)
	a.checkProvenance(t, r.Calendar())
	return a
}

// dumpReader returns the dump of records.
func dumpReader(records []record.Record) io.Reader {
	var dump []byte
	for i := range records {
		dump = records[i].AppendLine(dump, time.Time{})
	}
	return bytes.NewReader(dump)
}

// fromDump derives the state from the dump of records.
func fromDump(t *rapid.T, records []record.Record) *ledgerState {
	a, r := newLedgerState(), replay.New()
	a.addSteps(t, r, r.Dump(context.Background(), dumpReader(records), nil))
	a.finish(t, r)
	return a
}

// checkIndices compares the indexes of a person's roles and of an agency's agents with
// all roles and agents.
func checkIndices(t *rapid.T, s active.State) {
	want, got := map[string]string{}, map[string]string{}
	err := s.EachStaff(func(agency, person string, staff *fold.Staff) error {
		want[person] += fmt.Sprintf("%s %+v ", agency, *staff)
		return nil
	})
	if err == nil {
		err = s.EachAgent(func(id string, agent *fold.Agent) error {
			if agent.AgencyID != "" {
				want[agent.AgencyID] += fmt.Sprintf("%s %+v ", id, *agent)
			}
			return nil
		})
	}
	for _, person := range []string{"p", "p1", "p2"} {
		err = errors.Join(err, s.EachRoleOf(person, func(agency string, staff *fold.Staff) error {
			got[person] += fmt.Sprintf("%s %+v ", agency, *staff)
			return nil
		}))
	}
	for _, agency := range []string{"y", "y1", "y2"} {
		err = errors.Join(err, s.EachAgentOf(agency, func(id string, agent *fold.Agent) error {
			got[agency] += fmt.Sprintf("%s %+v ", id, *agent)
			return nil
		}))
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got indexes\n%v (%v)\nwant\n%v", got, err, want)
	}
}

// addRecords adds the records about all cases.
func (a *ledgerState) addRecords(t *rapid.T, v *projections.View, records []record.Record) {
	for _, id := range allCases {
		index, err := v.History(id)
		if err != nil {
			t.Fatal(err)
		}
		all, err := v.CaseRecords(context.Background(), memoryJournal{records, 1}, id, index)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range all {
			if index[i].Delegation != strings.HasPrefix(e.Event.Type, "delegation.") {
				t.Fatalf("record %d of type %q: got index entry %+v", e.Seq, e.Event.Type, index[i])
			}
		}
		if len(all) > 0 {
			a.Records[id] = all
		}
	}
}

// fromProjection reads the state from a projection.
func fromProjection(t *rapid.T, p *projections.Projection, records []record.Record) *ledgerState {
	v := openView(t, p)
	defer v.Close()
	a := newLedgerState()
	var err error
	if a.Fridays, err = v.Checkpoints(); err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Fridays {
		a.addFriday(t, v.AsOf(f.Friday), v, v.Calendar(), f)
		checkIndices(t, v.AsOf(f.Friday))
	}
	checkIndices(t, v.Live())
	if err := v.EachRejected(func(r projections.RejectedEvent) error {
		a.Rejected = append(a.Rejected, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if a.Exports, err = v.Exports(0, 0); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(a.Exports)
	if len(a.Exports) == 0 {
		a.Exports = nil
	}
	a.addRecords(t, v, records)
	if a.Status, err = v.Status(); err != nil {
		t.Fatal(err)
	}
	a.addLists(t, v.Live(), v.Calendar(), v.OpenFriday())
	return a
}

func requireEqual(t *rapid.T, what string, want, got *ledgerState) {
	w, g := reflect.ValueOf(*want), reflect.ValueOf(*got)
	for i := range w.NumField() {
		if w.Type().Field(i).IsExported() && !reflect.DeepEqual(w.Field(i).Interface(), g.Field(i).Interface()) {
			t.Fatalf("%s: %s differs:\ngot  %+v\nwant %+v", what, w.Type().Field(i).Name, g.Field(i), w.Field(i))
		}
	}
}

// applyWithCrashes applies records in parts of random sizes, in chunks of at most chunk
// records, with occasional crashes. It calls look after each part.
func applyWithCrashes(t *rapid.T, records []record.Record, part *rapid.Generator[int], chunk int, look func(p *projections.Projection, at int)) (*projections.Projection, *vfs.MemFS) {
	fs := vfs.NewCrashableMem()
	p := openProjection(t, fs)
	for at := 0; at < len(records); {
		at = min(len(records), at+part.Draw(t, "more"))
		catchUp(t, p, records[:at], rapid.IntRange(1, chunk).Draw(t, "chunk"))
		look(p, at)
		if rapid.IntRange(0, 3).Draw(t, "crash") > 0 {
			continue
		}
		crashed := fs.CrashClone(vfs.CrashCloneCfg{
			UnsyncedDataPercent: rapid.IntRange(0, 100).Draw(t, "unsynced data kept"),
			RNG:                 rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "crash"), 0)),
		})
		closeOrFail(t, p)
		fs = crashed
		p = openProjection(t, fs)
	}
	catchUp(t, p, records, 7)
	return p, fs
}

// TestLiveReplayRestartRebuildAgree checks the property on which everything else
// depends: the live state, the state after crashes and restarts, a store rebuilt by
// another version, and replays of the records and of their dump agree, as of every
// Friday and now. It also checks that the records explain all books.
func TestLiveReplayRestartRebuildAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := history(t)
		want := fromReplay(t, records)
		requireEqual(t, "replayed dump", want, fromDump(t, records))

		p, fs := applyWithCrashes(t, records, rapid.IntRange(1, 15), 40, func(*projections.Projection, int) {})
		requireEqual(t, "live", want, fromProjection(t, p, records))
		closeOrFail(t, p)

		p = openProjection(t, fs)
		requireEqual(t, "restarted", want, fromProjection(t, p, records))
		closeOrFail(t, p)

		p = openNextVersion(t, fs)
		if !p.Rebuilding() {
			t.Fatal("another version does not rebuild the store")
		}
		catchUp(t, p, records, rapid.IntRange(1, 40).Draw(t, "chunk"))
		requireEqual(t, "rebuilt", want, fromProjection(t, p, records))
		closeOrFail(t, p)
	})
}
