package daemon

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"bookledger/cmd/internal/problem"
	"bookledger/events"
)

func (d *Daemon) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, "ok\n") })
	mux.HandleFunc("GET /readyz", d.handleReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(d.metrics(), promhttp.HandlerOpts{}))
	// A known path with another method, and everything else, when the portal
	// is off.
	for _, path := range [...]string{"/healthz", "/readyz", "/metrics"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			p := problem.Method.WithDetail("This path answers GET only.")
			p.Allow = "GET, HEAD"
			p.Write(w)
		})
	}
	if d.o.Portal != nil {
		mux.Handle("/", d.o.Portal)
		return d.o.Portal.Wrap(mux)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		p := problem.NotFound.WithDetail("No OpenID issuer is configured, so only /healthz, /readyz and /metrics answer here.")
		p.Type, p.Title = "portal-off", "The portal is off"
		p.Write(w)
	})
	return mux
}

func writeText(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text)) // a client that has gone needs no answer
}

// readyTimeout is how long the projection may take to come to where the
// journal ended when it was asked.
const readyTimeout = time.Second

// handleReady answers whether the projection has caught up with a journal that is
// what was applied.
func (d *Daemon) handleReady(w http.ResponseWriter, r *http.Request) {
	unready := func(detail string) {
		p := problem.Unavailable.WithDetail("%s", detail)
		p.Type, p.Title = "not-ready", "Not ready"
		p.Write(w)
	}
	if err := d.o.Monitor.Violation(); err != nil {
		unready("This needs an operator: " + err.Error() + ".")
		return
	}
	if d.o.Node.Projection.Rebuilding() {
		unready("The projection is being built anew.")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	last, err := d.o.Node.Journal.Last(ctx)
	if err != nil {
		unready("The journal does not answer.")
		return
	}
	if err := d.o.Node.Projection.WaitFollowing(ctx); err != nil {
		unready("The journal is not being followed.")
		return
	}
	if _, _, err := d.o.Node.Projection.WaitFor(ctx, last); err != nil {
		unready("The projection has not caught up with the journal.")
		return
	}
	writeText(w, "ready\n")
}

// metrics are read anew at each request; none has a label that could name a
// person.
func (d *Daemon) metrics() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), (*collector)(d))
	return registry
}

// collector reads the figures of a node from one view, so that they belong
// together.
type collector Daemon

// Describe describes nothing: the registry takes the metrics as they come.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

func (c *collector) Collect(out chan<- prometheus.Metric) {
	send := func(kind prometheus.ValueType, name, help string, v float64) {
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc("bookledger_"+name, help, nil, nil), kind, v)
	}
	gauge := func(name string, v float64, help string) { send(prometheus.GaugeValue, name, help, v) }
	counter := func(name string, v uint64, help string) { send(prometheus.CounterValue, name, help, float64(v)) }
	flag := func(name string, holds bool, help string) {
		v := 0.0
		if holds {
			v = 1
		}
		gauge(name, v, help)
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	if last, err := c.o.Node.Journal.Last(ctx); err == nil {
		gauge("journal_last", float64(last), "Sequence of the newest record of the journal.")
	}
	flag("rebuilding", c.o.Node.Projection.Rebuilding(), "1 while the projection is built anew.")
	flag("sound", c.o.Monitor.Violation() == nil, "0 when the journal was found to differ from what was applied, else 1.")
	compared, whole := c.o.Monitor.Progress()
	gauge("journal_compared", float64(compared), "Up to which record the journal was compared with what was applied, this time or the last.")
	counter("journal_compared_whole_total", whole, "How often the whole journal was compared with what was applied.")
	gauge("projection_bytes", float64(c.o.Node.Projection.DiskUsage()), "Bytes that the projection takes on disk.")
	v, err := c.o.Node.Projection.View()
	if err != nil {
		return
	}
	s, calendar := v.Summary(), v.Calendar()
	if v.Close() != nil {
		return
	}
	gauge("position", float64(s.Position), "Sequence of the newest record that views show.")
	counter("applied_total", s.Applied, "Records accepted, whether they changed anything or not.")
	counter("duplicates_total", s.Duplicates, "Records whose source and id had come before.")
	counter("rejected_total", s.Rejected, "Records rejected.")
	gauge("cases", float64(s.Cases), "Known cases.")
	gauge("agents", float64(s.Agents), "Known agents.")
	sealed := 0.0
	if f := events.Date(c.newestSealed.Load()); f != 0 {
		sealed = float64(calendar.Cutoff(f).Unix())
	}
	gauge("sealed_cutoff_seconds", sealed, "The cutoff of the newest Friday whose seal this node has made or found to be right, in seconds since 1970; 0 before the first.")
	if s.OpenFriday != 0 {
		gauge("next_cutoff_seconds", float64(calendar.Cutoff(s.OpenFriday).Unix()), "The next cutoff, in seconds since 1970.")
	}
}
