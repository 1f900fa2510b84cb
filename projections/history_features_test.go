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

// TestRandomHistoriesCoverFeatures checks that the random histories of the other tests
// contain every feature that these tests rely on.
func TestRandomHistoriesCoverFeatures(t *testing.T) {
	t.Parallel()
	counts := map[string]int{}
	draw := rapid.Custom(history)
	for seed := range 150 {
		countFeatures(t, draw.Example(seed), counts)
	}
	want := []string{"applied", "unchanged", "duplicate", "rejected", "late", "no recorded time", "loaded", "step back",
		"167 hours", "169 hours", "closed", "reopened", "transferred", "moved", "decertified", "marked inactive",
		"week without records", "same recorded time"}
	for _, near := range nearCutoff {
		want = append(want, fmt.Sprint("cutoff ", near))
	}
	for _, code := range []events.Code{events.Malformed, events.WrongSubject, events.BadRecorded, events.HistoryClosedCode, events.TimeStepBack,
		events.UnsupportedType, events.UnsupportedVersion, events.Schema, events.NoPendingRequest, events.NotDelegated, events.WrongAgent,
		events.UnknownMember, events.UnknownAgent} {
		want = append(want, string(code))
	}
	for _, what := range want {
		if counts[what] < 5 {
			t.Errorf("got %d occurrences of %q, want at least 5", counts[what], what)
		}
	}
}

// countFeatures counts the features of a history.
func countFeatures(t *testing.T, records []record.Record, counts map[string]int) {
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
			counts[fmt.Sprintf("%.0f hours", f.Cutoff.Sub(last.Cutoff).Hours())]++
			if last.Friday != 0 && last.Boundary == f.Boundary {
				counts["week without records"]++
			}
			last = *f
			continue
		}
		v := step.Result
		countRecordFeatures(step.Record, v, counts)
		if !v.Recorded.IsZero() && v.Recorded.Equal(lastRecorded) {
			counts["same recorded time"]++
		}
		lastRecorded = v.Recorded
		for _, f := range []events.Date{r.OpenFriday(), r.OpenFriday().AddDays(-7)} {
			if f > 20000101 && slices.Contains(nearCutoff, v.Recorded.Sub(r.Calendar().Cutoff(f))) {
				counts[fmt.Sprint("cutoff ", v.Recorded.Sub(r.Calendar().Cutoff(f)))]++
			}
		}
		if err := r.State().EachCase(func(id string, now *fold.Case) error {
			if was := before[id]; was.Closed && !now.Closed {
				counts["reopened"]++
			}
			before[id] = *now
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func countRecordFeatures(rec *record.Decoded, v replay.Result, counts map[string]int) {
	counts[v.Outcome.String()]++
	if v.Rejection != nil {
		counts[string(v.Rejection.Code)]++
	}
	if v.Recorded.IsZero() {
		counts["no recorded time"]++
	}
	if v.Recorded.After(rec.Stamped) {
		counts["step back"]++
	}
	if v.Outcome != record.Applied {
		return
	}
	if events.IsHistory(rec.Subject) {
		counts["loaded"]++
	}
	if rec.Event.Time.Before(v.Recorded.AddDate(0, 0, -20)) {
		counts["late"]++
	}
	switch rec.Event.Data.(type) {
	case *events.CaseClosed:
		counts["closed"]++
	case *events.DelegationTransferred:
		counts["transferred"]++
	case *events.AgentMoved:
		counts["moved"]++
	case *events.AgentDecertified:
		counts["decertified"]++
	case *events.DelegationMarkedInactive:
		counts["marked inactive"]++
	}
}
