package projections_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections"
)

// viewAfter applies records and returns a view.
func viewAfter(t *testing.T, records []record.Record) *projections.View {
	t.Helper()
	p := openProjection(t, vfs.NewMem())
	catchUp(t, p, records, 50)
	v := openView(t, p)
	t.Cleanup(func() { closeOrFail(t, v); closeOrFail(t, p) })
	return v
}

// exportRecords appends the steps of an export to the records of a ledger.
func exportRecords(t *testing.T, records []record.Record) []record.Record {
	t.Helper()
	e := events.Export{ExportID: "x1", PersonID: "p1", Role: "manager", AgencyID: "y1", Friday: 20261120, Disclaimer: "1"}
	for i, data := range [...]events.Data{&events.ExportRequested{Export: e}, &events.ExportDeclined{Export: e}, &events.ExportDenied{Export: e}, &events.ExportMade{Export: e}} {
		stamped := records[len(records)-1].Stamped.Add(time.Minute)
		event := events.Event{
			ID: "export/" + string(rune('a'+i)), Source: events.SourceLedger, Type: events.TypeOf(data), Time: stamped, Data: data,
		}
		body, err := event.Encode()
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record.Record{Seq: uint64(len(records) + 1), Stamped: stamped, Subject: events.SubjectExport, Body: body})
	}
	return records
}

// TestExports checks that the export trail has every step, newest first, and can be read in parts.
func TestExports(t *testing.T) {
	records := exportRecords(t, smallLedger(t, "test", 60))
	v := viewAfter(t, exportRecords(t, records)) // the second set consists of duplicates
	all, err := v.Exports(0, 0)
	if err != nil || len(all) != 4 {
		t.Fatal(all, err)
	}
	for i, step := range []string{"made", "denied", "declined", "requested"} {
		e, r := all[i], records[len(records)-1-i]
		if e.Step != step || e.Seq != r.Seq || !e.Recorded.Equal(r.Stamped) || e.PersonID != "p1" || e.Friday != 20261120 {
			t.Errorf("step %d: got %+v", i, e)
		}
	}
	const want = `{"seq":64,"recorded":"2026-11-21T07:04:58Z","step":"made","export_id":"x1","person_id":"p1","role":"manager","agency_id":"y1","friday":"2026-11-20","disclaimer":"1"}`
	if got, err := json.Marshal(all[0]); err != nil || string(got) != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
	for _, c := range []struct {
		before uint64
		limit  int
		want   []projections.ExportStep
	}{
		{0, 1, all[:1]}, {64, 2, all[1:3]}, {62, 2, all[3:]}, {61, 2, nil}, {1, 0, nil}, {1000, 0, all},
	} {
		got, err := v.Exports(c.before, c.limit)
		if err != nil || got == nil || !slices.Equal(got, c.want) {
			t.Errorf("limit %d before %d: got %+v (%v)", c.limit, c.before, got, err)
		}
	}
}

// TestRejections checks that rejected events can be read in parts, newest first.
func TestRejections(t *testing.T) {
	v := viewAfter(t, smallLedger(t, "test", 400))
	var want []projections.RejectedEvent
	if err := v.EachRejected(func(r projections.RejectedEvent) error {
		want = append(want, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(want)
	if len(want) < 5 {
		t.Fatalf("got %d rejected events, want at least 5", len(want))
	}
	var got []projections.RejectedEvent
	for before := uint64(0); ; before = got[len(got)-1].Seq {
		part, err := v.Rejections(before, 2)
		if err != nil || len(part) > 2 {
			t.Fatal(part, err)
		}
		if got = append(got, part...); len(part) < 2 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got in parts\n%+v\nwant\n%+v", got, want)
	}
}
