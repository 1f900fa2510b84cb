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

// run runs a daemon until the test ends.
func run(t *testing.T, n *node.Node) (*daemon.Daemon, *integrity.Monitor) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fixture.Must(t, err)
	monitor, err := integrity.ForNode(n, time.Now, zap.NewNop())
	fixture.Must(t, err)
	d := daemon.New(daemon.Options{Node: n, Listen: listener, Monitor: monitor, Log: zap.NewNop(), Now: time.Now})
	fixture.Run(t, func(ctx context.Context) {
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return d, monitor
}

func latest(t *testing.T, n *node.Node) (checkpoint.Checkpoint, *events.Calendar) {
	t.Helper()
	v := fixture.View(t, n)
	c, err := v.Checkpoint(0)
	fixture.Must(t, err)
	return c, v.Calendar()
}

// TestSealsPastFridays checks that a daemon seals past Fridays and shows the newest
// one in its metrics.
func TestSealsPastFridays(t *testing.T) {
	t.Parallel()
	n := fixture.OpenLedger(t, 3)
	d, monitor := run(t, n)
	c, _ := latest(t, n)
	want := fmt.Sprintf("bookledger_sealed_cutoff_seconds %v\n", float64(c.Cutoff.Unix()))
	fixture.Eventually(t, "the metrics show the newest seal", func() bool {
		r, err := http.Get(d.URL() + "/metrics")
		fixture.Must(t, err)
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		return err == nil && strings.Contains(string(text), want)
	})
	if c, _ := latest(t, n); !c.Sealed || monitor.Violation() != nil {
		t.Errorf("got sealed %t, violation %v; want true, none", c.Sealed, monitor.Violation())
	}
}

// TestDifferentSealIsViolation checks that a seal that does not follow from the
// journal is an integrity violation and is not signed.
func TestDifferentSealIsViolation(t *testing.T) {
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
	_, monitor := run(t, n)
	fixture.Eventually(t, "the violation is found", func() bool { return monitor.Violation() != nil })
	v := fixture.View(t, n)
	if _, signatures, sealed, err := v.Seal(c.Friday); err != nil || !sealed || len(signatures) > 0 {
		t.Errorf("got sealed %t with %d signatures (%v), want true with none", sealed, len(signatures), err)
	}
}
