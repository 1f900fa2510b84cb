package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/replay"
)

// live makes a record of a live upstream system, at a time of 2026 in UTC like
// "11-20T21:00:00".
func live(seq uint64, stamped, eventType, data string) record.Record {
	at, err := time.Parse(time.RFC3339Nano, "2026-"+stamped+"Z")
	if err != nil {
		panic(err)
	}
	family, _, _ := strings.Cut(eventType, ".")
	return record.Record{Seq: seq, Stamped: at, Subject: "ledger." + family + ".calheers", Body: fmt.Appendf(nil,
		`{"specversion":"1.0","id":"e%d","source":"calheers","type":%q,"time":"2026-11-01T00:00:00Z","data":%s}`, seq, eventType, data)}
}

// apply replays records until the end that was set, or the cutoff of a Friday if
// one is named.
func apply(t *testing.T, r *replay.Replay, records []record.Record, end events.Date) {
	t.Helper()
	for step, err := range r.Steps(records...) {
		if err != nil {
			t.Fatal(err)
		}
		if step.IsCutoff(end) {
			break
		}
	}
}

// weeks is a journal of three weeks. Friday's cutoff is 05:00 in UTC, on
// Saturday.
func weeks() []record.Record {
	return []record.Record{
		live(1, "11-18T10:00:00", "agency.agent_certified.v1", `{"agent_id":"a1","agency_id":"y1"}`),
		live(2, "11-18T10:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`),
		live(3, "11-21T05:00:00", "delegation.created.v1", `{"case_id":"2","agent_id":"a1"}`),           // the last of 11-20
		live(4, "11-21T05:00:00.000000001", "delegation.created.v1", `{"case_id":"3","agent_id":"a1"}`), // the first of 11-27
		live(5, "11-22T10:00:00", "consumer.member_removed.v1", `{"case_id":"1","member_id":"m1"}`),     // refused
		live(6, "12-06T10:00:00", "delegation.ended.v1", `{"case_id":"1","agent_id":"a1"}`),             // passes 11-27 and 12-04
		live(7, "12-07T10:00:00", "agency.staff_assigned.v1", `{"person_id":"p1","agency_id":"y1","role":"manager"}`),
	}
}

func status(t *testing.T, r *replay.Replay) replay.Status {
	t.Helper()
	s, err := r.Status()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fridays(r *replay.Replay) []checkpoint.Checkpoint {
	all, _ := r.Checkpoints()
	return all
}

func heldBy(t *testing.T, r *replay.Replay, agent string) (ids string) {
	t.Helper()
	if err := r.State().EachHeld(agent, func(id string, _ *fold.Case) error {
		ids += id
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestLeft holds that a replay that is left at a cutoff stands as of its
// boundary: its state, newest recorded time, checkpoints and rejections are
// those of a journal that ends there, and it takes nothing more.
func TestLeft(t *testing.T) {
	for _, c := range []struct {
		friday   events.Date
		boundary int
		held     string
		fridays  int
	}{
		{20261120, 3, "12", 1}, {20261127, 5, "123", 2}, {20261204, 5, "123", 3},
	} {
		short := replay.New()
		apply(t, short, weeks()[:c.boundary], 0)
		r := replay.New()
		apply(t, r, weeks(), c.friday)
		got, want := status(t, r), status(t, short)
		if got.StateHash != want.StateHash || got.Position != want.Position || got.Applied != want.Applied || got.Rejected != want.Rejected {
			t.Errorf("%s: got %+v, want %+v", c.friday, got, want)
		}
		if !r.Recorded().Equal(short.Recorded()) || r.Recorded().After(r.Calendar().Cutoff(c.friday)) {
			t.Errorf("%s: the newest recorded time is %s, want %s", c.friday, r.Recorded(), short.Recorded())
		}
		f, err := r.Checkpoint(c.friday)
		if err != nil || f.Boundary != uint64(c.boundary) || f.Cases != int64(len(c.held)) || len(fridays(r)) != c.fridays {
			t.Errorf("%s: got %+v of %d (%v)", c.friday, f, len(fridays(r)), err)
		}
		if got := heldBy(t, r, "a1"); got != c.held {
			t.Errorf("%s: a1 holds %s, want %s", c.friday, got, c.held)
		}
		if apply(t, r, weeks(), 0); status(t, r) != got {
			t.Errorf("%s: an ended replay goes on", c.friday)
		}
	}
}

// TestStopAt holds that a replay which ends at a moment ends with the last
// record that was recorded at or before it.
func TestStopAt(t *testing.T) {
	for at, want := range map[string]int{
		"11-01T00:00:00": 0, "11-18T10:00:00": 2, "11-21T04:59:59.999999999": 2, "11-21T05:00:00": 3, "11-21T05:00:00.000000001": 4,
		"12-06T09:59:59": 5, "12-06T10:00:00": 6, "12-31T00:00:00": 7,
	} {
		moment, err := time.Parse(time.RFC3339Nano, "2026-"+at+"Z")
		if err != nil {
			t.Fatal(err)
		}
		short := replay.New()
		apply(t, short, weeks()[:want], 0)
		r := replay.New()
		r.StopAt(moment)
		apply(t, r, weeks(), 0)
		if status(t, r) != status(t, short) || len(fridays(r)) != len(fridays(short)) || !r.Recorded().Equal(short.Recorded()) {
			t.Errorf("%s: %+v, want %+v", at, status(t, r), status(t, short))
		}
	}
}

// TestReplay holds what a whole replay gives: its steps in order, the rejections,
// the books of the last state, and why there is no other Friday or record.
func TestReplay(t *testing.T) {
	r := replay.New()
	var seen []string
	for step, err := range r.Steps(weeks()...) {
		if err != nil {
			t.Fatal(err)
		}
		f := step.Checkpoint
		if f == nil {
			seen = append(seen, fmt.Sprint(step.Record.Seq))
			continue
		}
		b, err := book.ForAgent(context.Background(), r.State(), r.Calendar(), f.Week, "a1")
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, fmt.Sprintf("%s %d %d", f.Friday, f.Boundary, len(b.Rows)))
	}
	if got, want := strings.Join(seen, ", "), "1, 2, 3, 2026-11-20 3 2, 4, 5, 2026-11-27 5 3, 2026-12-04 5 3, 6, 7"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	rejected, err := json.Marshal(r.Rejected())
	const want = `[{"seq":5,"recorded":"2026-11-22T10:00:00Z","subject":"ledger.consumer.calheers","id":"e5","code":"unknown_member","field":"data.member_id","reason":`
	if err != nil || !strings.HasPrefix(string(rejected), want) || len(r.Rejected()) != 1 {
		t.Errorf("got %s (%v)", rejected, err)
	}
	if heldBy(t, r, "a1") != "23" || r.OpenFriday() != 20261211 {
		t.Errorf("a1 holds %s, %s is open", heldBy(t, r, "a1"), r.OpenFriday())
	}
	for _, f := range []events.Date{20261113, 20261119, 20261211, 20270101} {
		if _, err := r.Checkpoint(f); !errors.Is(err, checkpoint.ErrNoCheckpoint) {
			t.Errorf("%s: %v", f, err)
		}
	}
	_, err = replay.New().Checkpoint(20261120)
	_, latestErr := replay.New().Checkpoint(0)
	if !errors.Is(err, checkpoint.ErrNoCheckpoint) || !errors.Is(latestErr, checkpoint.ErrNoCheckpoint) {
		t.Errorf("before all time: %v, %v", err, latestErr)
	}
	if latest, err := r.Checkpoint(0); err != nil || latest.Friday != 20261204 {
		t.Errorf("the latest is %s (%v)", latest.Friday, err)
	}
	rec := weeks()[1]
	if err := replay.RunAll(replay.New().Steps(rec)); !errors.Is(err, replay.ErrInvalidDump) {
		t.Errorf("a journal that begins with record 2: %v", err)
	}
}
