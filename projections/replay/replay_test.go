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

// live returns a record of a live upstream system. stamped is a time of 2026 in
// UTC, such as "11-20T21:00:00".
func live(seq uint64, stamped, eventType, data string) record.Record {
	at, err := time.Parse(time.RFC3339Nano, "2026-"+stamped+"Z")
	if err != nil {
		panic(err)
	}
	family, _, _ := strings.Cut(eventType, ".")
	return record.Record{Seq: seq, Stamped: at, Subject: "ledger." + family + ".calheers", Body: fmt.Appendf(nil,
		`{"specversion":"1.0","id":"e%d","source":"calheers","type":%q,"time":"2026-11-01T00:00:00Z","data":%s}`, seq, eventType, data)}
}

// apply replays records up to the moment set with StopAt, or up to the cutoff
// of Friday end if it is not 0.
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

// weeks returns a journal of three weeks. Cutoffs are on Saturdays at 05:00
// UTC.
func weeks() []record.Record {
	return []record.Record{
		live(1, "11-18T10:00:00", "agency.agent_certified.v1", `{"agent_id":"a1","agency_id":"y1"}`),
		live(2, "11-18T10:00:00", "delegation.created.v1", `{"case_id":"1","agent_id":"a1"}`),
		live(3, "11-21T05:00:00", "delegation.created.v1", `{"case_id":"2","agent_id":"a1"}`),           // the last of 11-20
		live(4, "11-21T05:00:00.000000001", "delegation.created.v1", `{"case_id":"3","agent_id":"a1"}`), // the first of 11-27
		live(5, "11-22T10:00:00", "consumer.member_removed.v1", `{"case_id":"1","member_id":"m1"}`),     // rejected
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

func casesOf(t *testing.T, r *replay.Replay, agent string) (ids string) {
	t.Helper()
	if err := r.State().EachHeld(agent, func(id string, _ *fold.Case) error {
		ids += id
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestStopsAtCutoff checks that a replay stopped at a cutoff equals the replay
// of a journal that ends at its boundary (state, newest recorded time,
// checkpoints and rejections), and that it applies no more records.
func TestStopsAtCutoff(t *testing.T) {
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
			t.Errorf("%s: got newest recorded time %s, want %s", c.friday, r.Recorded(), short.Recorded())
		}
		f, err := r.Checkpoint(c.friday)
		if err != nil || f.Boundary != uint64(c.boundary) || f.Cases != int64(len(c.held)) || len(fridays(r)) != c.fridays {
			t.Errorf("%s: got checkpoint %+v of %d checkpoints (%v)", c.friday, f, len(fridays(r)), err)
		}
		if got := casesOf(t, r, "a1"); got != c.held {
			t.Errorf("%s: a1 holds cases %s, want %s", c.friday, got, c.held)
		}
		if apply(t, r, weeks(), 0); status(t, r) != got {
			t.Errorf("%s: a replay that had ended applied more records", c.friday)
		}
	}
}

// TestStopAt checks that a replay with a stop time ends with the last record
// that was recorded at or before that time.
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
			t.Errorf("%s: got %+v, want %+v", at, status(t, r), status(t, short))
		}
	}
}

// TestReplay checks the results of a whole replay: the order of its steps, the
// rejections, the books, and the errors for other Fridays and records.
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
	if casesOf(t, r, "a1") != "23" || r.OpenFriday() != 20261211 {
		t.Errorf("got cases %s of a1 and open week %s, want 23 and 2026-12-11", casesOf(t, r, "a1"), r.OpenFriday())
	}
	for _, f := range []events.Date{20261113, 20261119, 20261211, 20270101} {
		if _, err := r.Checkpoint(f); !errors.Is(err, checkpoint.ErrNoCheckpoint) {
			t.Errorf("%s: got %v, want ErrNoCheckpoint", f, err)
		}
	}
	_, err = replay.New().Checkpoint(20261120)
	_, latestErr := replay.New().Checkpoint(0)
	if !errors.Is(err, checkpoint.ErrNoCheckpoint) || !errors.Is(latestErr, checkpoint.ErrNoCheckpoint) {
		t.Errorf("without records: got %v and %v, want ErrNoCheckpoint", err, latestErr)
	}
	if latest, err := r.Checkpoint(0); err != nil || latest.Friday != 20261204 {
		t.Errorf("got latest checkpoint %s (%v), want 2026-12-04", latest.Friday, err)
	}
	rec := weeks()[1]
	if err := replay.RunAll(replay.New().Steps(rec)); !errors.Is(err, replay.ErrInvalidDump) {
		t.Errorf("a journal that begins with record 2: got %v, want ErrInvalidDump", err)
	}
}
