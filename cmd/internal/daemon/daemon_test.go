package daemon_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"bookledger/cmd/internal/daemon"
	"bookledger/cmd/internal/fixture"
	"bookledger/cmd/internal/integrity"
	"bookledger/cmd/internal/node"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/projections/checkpoint"
)

// run runs a daemon for as long as the test.
func run(t *testing.T, n *node.Node) (*daemon.Daemon, *integrity.Monitor) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fixture.Must(t, err)
	watch, err := integrity.ForNode(n, time.Now, zap.NewNop())
	fixture.Must(t, err)
	d := daemon.New(daemon.Options{Node: n, Listen: listener, Monitor: watch, Log: zap.NewNop(), Now: time.Now})
	fixture.Run(t, func(ctx context.Context) {
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return d, watch
}

func latest(t *testing.T, n *node.Node) (checkpoint.Checkpoint, *events.Calendar) {
	t.Helper()
	v := fixture.View(t, n)
	c, err := v.Checkpoint(0)
	fixture.Must(t, err)
	return c, v.Calendar()
}

// TestSeals holds that a daemon seals the Fridays that have passed, and says so
// in its metrics.
func TestSeals(t *testing.T) {
	t.Parallel()
	n := fixture.OpenLedger(t, 3)
	d, watch := run(t, n)
	c, _ := latest(t, n)
	want := fmt.Sprintf("bookledger_sealed_cutoff_seconds %v\n", float64(c.Cutoff.Unix()))
	fixture.Eventually(t, "the metrics name the newest seal", func() bool {
		r, err := http.Get(d.URL() + "/metrics")
		fixture.Must(t, err)
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		return err == nil && strings.Contains(string(text), want)
	})
	if c, _ := latest(t, n); !c.Sealed || watch.Violation() != nil {
		t.Errorf("sealed %t: %v", c.Sealed, watch.Violation())
	}
}

// TestSealDiffers holds that a seal which is not what the record makes raises
// the alarm, and is not signed.
func TestSealDiffers(t *testing.T) {
	t.Parallel()
	n := fixture.OpenLedger(t, 2)
	c, calendar := latest(t, n)
	body, err := checkpoint.EncodeSeal(events.Sealed{
		Friday: c.Friday, Boundary: int(c.Boundary), TreeSize: int(c.Boundary), Cases: int(c.Cases), Rows: int(c.Rows), Rules: 1,
		BookRoot: fmt.Sprintf("%064d", 1), TreeRoot: fmt.Sprintf("%064d", 2),
	}, calendar)
	fixture.Must(t, err)
	if _, err := n.Journal.Append(t.Context(), []journal.Message{{Subject: events.SubjectSeal, Body: body}}); err != nil {
		t.Fatal(err)
	}
	_, watch := run(t, n)
	fixture.Eventually(t, "the seal is found to differ", func() bool { return watch.Violation() != nil })
	v := fixture.View(t, n)
	if _, signatures, sealed, err := v.Seal(c.Friday); err != nil || !sealed || len(signatures) > 0 {
		t.Errorf("sealed %t with %d signatures (%v)", sealed, len(signatures), err)
	}
}
