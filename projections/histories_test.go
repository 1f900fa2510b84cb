package projections_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/replay"
)

// TestHistories holds that the histories which the other tests draw have
// everything in them that is to be survived: without it, they hold less than
// they say.
func TestRandomHistoriesCoverFeatures(t *testing.T) {
	t.Parallel()
	met := map[string]int{}
	draw := rapid.Custom(history)
	for seed := range 150 {
		countFeatures(t, draw.Example(seed), met)
	}
	want := []string{"applied", "unchanged", "duplicate", "rejected", "late", "before all time", "loaded", "step back",
		"167 hours", "169 hours", "closed", "reopened", "transferred", "moved", "decertified", "marked inactive",
		"no record in a week", "several at one moment"}
	for _, near := range nearCutoff {
		want = append(want, fmt.Sprint("cutoff ", near))
	}
	for _, code := range []events.Code{events.Malformed, events.WrongSubject, events.BadRecorded, events.HistoryClosedCode, events.TimeStepBack,
		events.UnsupportedType, events.UnsupportedVersion, events.Schema, events.NoPendingRequest, events.NotDelegated, events.WrongAgent,
		events.UnknownMember, events.UnknownAgent} {
		want = append(want, string(code))
	}
	for _, what := range want {
		if met[what] < 5 {
			t.Errorf("%q comes %d times", what, met[what])
		}
	}
}

// meet counts what comes in a history.
func countFeatures(t *testing.T, records []record.Record, met map[string]int) {
	t.Helper()
	r := replay.New()
	var last checkpoint.Checkpoint
	before := map[string]fold.Case{}
	var lastRecorded time.Time
	for step, err := range r.Steps(records...) {
		if err != nil {
			t.Fatal(err)
		}
		if f := step.Checkpoint; f != nil {
			met[fmt.Sprintf("%.0f hours", f.Cutoff.Sub(last.Cutoff).Hours())]++
			if last.Friday != 0 && last.Boundary == f.Boundary {
				met["no record in a week"]++
			}
			last = *f
			continue
		}
		v := step.Result
		countRecordFeatures(step.Record, v, met)
		if !v.Recorded.IsZero() && v.Recorded.Equal(lastRecorded) {
			met["several at one moment"]++
		}
		lastRecorded = v.Recorded
		for _, f := range []events.Date{r.OpenFriday(), r.OpenFriday().AddDays(-7)} {
			if f > 20000101 && slices.Contains(nearCutoff, v.Recorded.Sub(r.Calendar().Cutoff(f))) {
				met[fmt.Sprint("cutoff ", v.Recorded.Sub(r.Calendar().Cutoff(f)))]++
			}
		}
		if err := r.State().EachCase(func(id string, now *fold.Case) error {
			if was := before[id]; was.Closed && !now.Closed {
				met["reopened"]++
			}
			before[id] = *now
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func countRecordFeatures(rec *record.Decoded, v replay.Result, met map[string]int) {
	met[v.Outcome.String()]++
	if v.Rejection != nil {
		met[string(v.Rejection.Code)]++
	}
	if v.Recorded.IsZero() {
		met["before all time"]++
	}
	if v.Recorded.After(rec.Stamped) {
		met["step back"]++
	}
	if v.Outcome != record.Applied {
		return
	}
	if events.IsHistory(rec.Subject) {
		met["loaded"]++
	}
	if rec.Event.Time.Before(v.Recorded.AddDate(0, 0, -20)) {
		met["late"]++
	}
	switch rec.Event.Data.(type) {
	case *events.CaseClosed:
		met["closed"]++
	case *events.DelegationTransferred:
		met["transferred"]++
	case *events.AgentMoved:
		met["moved"]++
	case *events.AgentDecertified:
		met["decertified"]++
	case *events.DelegationMarkedInactive:
		met["marked inactive"]++
	}
}
