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
	// Other methods on these paths.
	for _, path := range [...]string{"/healthz", "/readyz", "/metrics"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			p := problem.Method.WithDetail("This path supports only GET.")
			p.Allow = "GET, HEAD"
			p.Write(w)
		})
	}
	if d.o.Portal != nil {
		mux.Handle("/", d.o.Portal)
		return d.o.Portal.Wrap(mux)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		p := problem.NotFound.WithDetail("No OpenID issuer is configured, so this server has only /healthz, /readyz and /metrics.")
		p.Type, p.Title = "portal-off", "The portal is off"
		p.Write(w)
	})
	return mux
}

func writeText(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text)) // the client may be gone
}

// readyTimeout is how long a request waits for the projection to catch up with the
// end of the journal.
const readyTimeout = time.Second

// handleReady succeeds if the projection has caught up with the journal and there is
// no integrity violation.
func (d *Daemon) handleReady(w http.ResponseWriter, r *http.Request) {
	p := problem.Unavailable
	p.Type, p.Title = "not-ready", "Not ready"
	unready := func(detail string) { p.WithDetail("%s", detail).Write(w) }
	if err := d.o.Monitor.Violation(); err != nil {
		p.RetryAfter = 0 // a violation doesn't pass by itself
		unready("An operator must look at this: " + err.Error() + ".")
		return
	}
	if d.o.Node.Projection.Rebuilding() {
		unready("The projection is being rebuilt.")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	last, err := d.o.Node.Journal.Last(ctx)
	if err != nil {
		unready("The journal does not respond.")
		return
	}
	if err := d.o.Node.Projection.WaitFollowing(ctx); err != nil {
		unready("The projection is not following the journal.")
		return
	}
	if _, _, err := d.o.Node.Projection.WaitFor(ctx, last); err != nil {
		unready("The projection has not caught up with the journal.")
		return
	}
	writeText(w, "ready\n")
}

// metrics returns a registry that reads the metrics at each request. No metric has a
// label that could identify a person.
func (d *Daemon) metrics() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), (*collector)(d))
	return registry
}

// collector reads the metrics of a node from one view, so that they are consistent.
type collector Daemon

// Describe sends nothing, which makes the collector unchecked.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the metrics. It leaves out those that cannot be read.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	send := func(kind prometheus.ValueType, name, help string, v float64) {
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc("bookledger_"+name, help, nil, nil), kind, v)
	}
	gauge := func(name string, v float64, help string) { send(prometheus.GaugeValue, name, help, v) }
	counter := func(name string, v uint64, help string) { send(prometheus.CounterValue, name, help, float64(v)) }
	flag := func(name string, set bool, help string) {
		v := 0.0
		if set {
			v = 1
		}
		gauge(name, v, help)
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	if last, err := c.o.Node.Journal.Last(ctx); err == nil {
		gauge("journal_last", float64(last), "Sequence of the last record of the journal.")
	}
	flag("rebuilding", c.o.Node.Projection.Rebuilding(), "1 while the projection is being rebuilt, else 0.")
	flag("integrity_violation", c.o.Monitor.Violation() != nil, "1 if the journal was found to differ from what was applied, else 0.")
	compared, completed := c.o.Monitor.Progress()
	gauge("journal_compared", float64(compared), "Records compared in the current or last comparison of the journal with what was applied.")
	counter("journal_compared_whole_total", completed, "Comparisons of the whole journal that found no difference.")
	gauge("projection_bytes", float64(c.o.Node.Projection.DiskUsage()), "Disk space used by the projection, in bytes.")
	v, err := c.o.Node.Projection.View()
	if err != nil {
		return
	}
	s, calendar := v.Summary(), v.Calendar()
	if v.Close() != nil {
		return
	}
	gauge("position", float64(s.Position), "Sequence of the last applied record that views show.")
	counter("applied_total", s.Applied, "Records applied, including those that changed nothing.")
	counter("duplicates_total", s.Duplicates, "Records with the source and id of an earlier record.")
	counter("rejected_total", s.Rejected, "Records rejected.")
	gauge("cases", float64(s.Cases), "Known cases.")
	gauge("agents", float64(s.Agents), "Known agents.")
	sealed := 0.0
	if f := events.Date(c.newestSealed.Load()); f != 0 {
		sealed = float64(calendar.Cutoff(f).Unix())
	}
	gauge("sealed_cutoff_seconds", sealed, "Cutoff of the newest Friday whose seal this node has written or found to be correct, in seconds since 1970; 0 if there is none.")
	if s.OpenFriday != 0 {
		gauge("next_cutoff_seconds", float64(calendar.Cutoff(s.OpenFriday).Unix()), "Next cutoff, in seconds since 1970.")
	}
}
