package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"bookledger/cmd/bookdemo/issuer"
	"bookledger/cmd/bookdemo/synthetic"
	"bookledger/cmd/internal/bookfiles"
	"bookledger/cmd/internal/cli"
	"bookledger/cmd/internal/daemon"
	"bookledger/cmd/internal/identity"
	"bookledger/cmd/internal/integrity"
	"bookledger/cmd/internal/loopback"
	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/portal"
	"bookledger/cmd/internal/web"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record"
	"bookledger/projections"
	"bookledger/projections/access"
	"bookledger/projections/list"
)

// Run runs bookdemo and returns its exit code.
func Run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	return cli.Run(ctx, newRoot, args, in, out, errs)
}

func newRoot(env *cli.Environment) *cobra.Command {
	d := &demo{env: env, config: synthetic.Config{Agents: 12, Consumers: 6000, Weeks: 6}}
	cmd := &cobra.Command{
		Use:   "bookdemo",
		Short: "Run the whole system on made-up data",
		Long: `Run the whole system on made-up data. The demo creates a ledger, loads past weeks
as history, publishes live events over NATS, and writes the books of the last
Friday. It then serves the portal, with its own sign-in page, until you press
Ctrl-C. The same --seed and --until give the same data.`,
		Example: `  bookdemo
  bookdemo --once --data ./demo --out ./demo/books --seed 7 --until 2026-11-21`,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&d.once, "once", false, "exit after the books are written and their Friday is sealed")
	cmd.Flags().StringVar(&d.data, "data", "", "data folder of the demo (default: a new temporary folder)")
	cmd.Flags().StringVar(&d.out, "out", "", "folder for the books (default: \"books\" in the data folder)")
	cmd.Flags().StringVar(&d.listen, "listen", "127.0.0.1:0", "loopback address to serve HTTP on; port 0 means any free port")
	cmd.Flags().Uint64Var(&d.config.Seed, "seed", 1, "seed of the made-up data")
	cmd.Flags().StringVar(&d.until, "until", "", "end of history: a time or a date in the past (default now)")
	cli.SuggestFlag(cmd, "data")
	cmd.AddCommand(newGenerate(env))
	return cmd
}

// demo contains the options of a demo run, and the parts that it starts.
type demo struct {
	once                     bool
	data, out, listen, until string

	env    *cli.Environment
	config synthetic.Config
	ledger *node.Node
	daemon *daemon.Daemon
	issuer *issuer.Issuer
}

func (d *demo) run(ctx context.Context) (err error) {
	if err := d.prepare(); err != nil {
		return err
	}
	log, err := d.env.QuietLogger()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", d.listen)
	if err != nil {
		return fmt.Errorf("listening for HTTP: %w", err)
	}
	defer listener.Close() // the running daemon closes it earlier
	if d.ledger, err = node.Open(ctx, node.Options{Dir: d.data, Create: true, NATSListen: "127.0.0.1:0", Now: d.env.Now, Log: log}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.ledger.Close()) }()
	if !d.ledger.Projection.Rebuilding() { // a rebuild compares the journal itself
		if _, err := d.ledger.Compare(ctx, 0, nil); err != nil { // with what an earlier run applied
			return d.ledger.Diagnose(ctx, err)
		}
	}
	watch, err := integrity.ForNode(d.ledger, d.env.Now, log)
	if err != nil {
		return err
	}
	w, err := d.openPortal("http://"+listener.Addr().String(), watch, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	d.daemon = daemon.New(daemon.Options{Node: d.ledger, Listen: listener, Portal: w, Monitor: watch, Log: log, Now: d.env.Now})
	return d.serve(ctx)
}

const demoClient = "bookledger"

// openPortal creates the portal and the demo's issuer. One listener serves both.
func (d *demo) openPortal(url string, watch *integrity.Monitor, log *zap.Logger) (*web.Web, error) {
	var people []issuer.Person
	for _, i := range d.config.Identities() {
		people = append(people, issuer.Person{
			Person: access.Person{ID: i.PersonID, AgentID: i.AgentID, Name: i.Name, Auditor: i.Role == "auditor", Operator: i.Role == "operator"},
			Role:   i.Role, AgencyID: i.AgencyID,
		})
	}
	var err error
	d.issuer, err = issuer.New(issuer.Options{
		Base: url + "/issuer", ClientID: demoClient, Portal: url, People: people, Stylesheet: portal.Stylesheet(), Icon: portal.Icon(), Now: d.env.Now,
	})
	if err != nil {
		return nil, err
	}
	return web.New(web.Options{
		Node: d.ledger, Issuer: d.issuer, Fridays: access.DefaultRecentFridays, Violation: watch.Violation, Log: log, Now: d.env.Now,
		Identity: identity.Options{Issuer: url + "/issuer", ClientID: demoClient, PublicURL: url},
	})
}

// prepare checks the options and sets the defaults.
func (d *demo) prepare() error {
	if !loopback.Address(d.listen) {
		return cli.Usagef("--listen: the demo needs a loopback address, for example 127.0.0.1:8080")
	}
	var err error
	if d.config.Until, err = parseUntil(d.env, d.until); err != nil {
		return err
	}
	if d.config.Until.After(d.env.Now()) {
		return cli.Usagef("--until: history cannot end in the future")
	}
	if err := d.claimFolder(); err != nil {
		return err
	}
	if err := d.config.Check(); err != nil {
		return cli.Usagef("--until: %v", err)
	}
	if d.out == "" {
		d.out = filepath.Join(d.data, "books")
	}
	return nil
}

// serve runs the daemon and the steps of the demo. With --once, it stops the daemon
// after the last step; otherwise the daemon runs until ctx ends.
func (d *demo) serve(ctx context.Context) error {
	serving, end := context.WithCancel(ctx)
	defer end()
	group, serving := errgroup.WithContext(serving)
	group.Go(func() error { return d.daemon.Run(serving) })
	group.Go(func() error {
		d.printf("Made-up data (seed %d, until %s) in %s\n", d.config.Seed, cli.FormatPacific(d.config.Until), d.data)
		for _, step := range [...]func(context.Context) error{d.load, d.publish, d.export, d.seal, d.list, d.writeDemoFile} {
			if err := step(serving); err != nil {
				return err
			}
		}
		d.printNextSteps()
		if d.once {
			end()
		}
		return nil
	})
	err := group.Wait()
	if ctx.Err() == nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (d *demo) printf(format string, args ...any) { fmt.Fprintf(d.env.Out, format+"\n", args...) }

// load loads the past weeks as history and closes history.
func (d *demo) load(ctx context.Context) error {
	v, err := d.caughtUp(ctx)
	if err != nil {
		return err
	}
	if closed := v.HistoryClosed(); closed {
		d.printf("1. The folder already contains the history of an earlier run.")
		return v.Close()
	}
	if err := v.Close(); err != nil {
		return err
	}
	start, bar := d.env.Now(), d.env.Progress("history events loaded", 0)
	n := 0
	err = d.ledger.Journal.AppendAll(ctx, func(yield func(journal.Message, error) bool) {
		for i := range d.config.Generate() {
			m, err := journal.MessageOf(i.Event)
			m.Subject, m.Recorded = events.HistorySubject(i.Event.Source), i.Recorded.Format(time.RFC3339Nano)
			if !yield(m, err) {
				return
			}
		}
	}, func(a journal.Ack) error {
		n += int(a.Last - a.First + 1)
		bar.Add(int(a.Last - a.First + 1))
		return nil
	})
	bar.Done()
	if err != nil {
		return fmt.Errorf("loading the demo's history: %w", err)
	}
	if _, err := node.CloseHistory(ctx, d.ledger.Journal.Client, d.env.Now()); err != nil {
		return err
	}
	if v, err = d.caughtUp(ctx); err != nil {
		return err
	}
	s := v.Summary()
	d.printf("1. Loaded %d past weeks as history: %d events in %.1f s. The ledger has processed %d records and rejected %d.", d.config.Weeks, n,
		d.env.Now().Sub(start).Seconds(), s.Position, s.Rejected)
	return v.Close()
}

// caughtUp returns a view of the whole journal.
func (d *demo) caughtUp(ctx context.Context) (*projections.View, error) {
	last, err := d.ledger.Journal.Last(ctx)
	if err != nil {
		return nil, err
	}
	if _, _, err := d.ledger.Projection.WaitFor(ctx, last); err != nil {
		return nil, err
	}
	return d.ledger.Projection.View()
}

// publish publishes live events over NATS, as an upstream system does, and waits
// until the lists show them. The ledger rejects the last event.
func (d *demo) publish(ctx context.Context) error {
	live, wrong := d.config.LiveEvents(40), d.config.RejectedEvent()
	var messages []journal.Message
	for _, e := range append(live, wrong) {
		m, err := journal.MessageOf(e)
		if err != nil {
			return err
		}
		messages = append(messages, m)
	}
	upstream, err := journal.Connect(journal.Server{URL: d.ledger.Journal.URL()})
	if err != nil {
		return fmt.Errorf("connecting as an upstream system: %w", err)
	}
	defer upstream.Close()
	ack, err := upstream.Append(ctx, messages)
	if err != nil {
		return fmt.Errorf("publishing live events: %w", err)
	}
	counts := map[record.Outcome]int{}
	for seq := ack.First; seq < ack.Last; seq++ {
		outcome, _, err := d.ledger.Projection.WaitFor(ctx, seq)
		if err != nil {
			return err
		}
		counts[outcome]++
	}
	d.printf("2. Published %d live events over NATS at %s: %d applied, %d unchanged, %d duplicates, %d rejected.", len(live),
		d.ledger.Journal.URL(), counts[record.Applied], counts[record.Unchanged], counts[record.Duplicate], counts[record.Rejected])
	outcome, _, err := d.ledger.Projection.WaitFor(ctx, ack.Last)
	if err != nil {
		return err
	}
	if outcome == record.Rejected {
		d.printf("3. Published an invalid event, %s without a pending request. The ledger rejected it: see the rejected events.", wrong.Type)
	} else {
		d.printf("3. Published the invalid event again. The outcome is: %s.", outcome)
	}
	return nil
}

// export writes the books of the last Friday in the history.
func (d *demo) export(ctx context.Context) error {
	if err := cli.RefuseOnViolation(d.ledger); err != nil {
		return err
	}
	v, err := d.ledger.Projection.View()
	if err != nil {
		return err
	}
	defer v.Close()
	friday := d.config.LastFriday()
	totals, err := v.Checkpoint(friday)
	if err != nil {
		return err
	}
	start := d.env.Now()
	all, err := bookfiles.New(v.AsOf(friday), v.Calendar(), totals.Week).All(ctx, d.out, d.env.Progress)
	if err != nil {
		return err
	}
	d.env.Messagef("%d books as of Friday %s written to %s", len(all), friday, d.out)
	d.printf("4. Wrote the books of Friday %s (%d cases, %d rows) to %s in %.1f s.", friday, totals.Cases, totals.Rows, d.out, d.env.Now().Sub(start).Seconds())
	return nil
}

// list prints the beginning of a live list.
func (d *demo) list(context.Context) error {
	v, err := d.ledger.Projection.View()
	if err != nil {
		return err
	}
	defer v.Close()
	agent := d.config.Identities()[0].AgentID
	lists, err := v.Lists(agent)
	if err != nil {
		return err
	}
	page, total := lists.Active.Page(list.Query{Limit: 3}, v.OpenFriday().Year())
	d.printf("\nAgent %s has %d active consumers. The first three, by first name:", agent, total)
	for _, e := range page {
		d.printf("   %s %s, case %s, delegated since %s", e.FirstName, e.LastName, e.CaseID, e.Since)
	}
	return nil
}

// seal seals the Friday of the books. The daemon would also seal it later.
func (d *demo) seal(ctx context.Context) error {
	friday := d.config.LastFriday()
	if err := d.daemon.Seal(ctx, friday); err != nil {
		return err
	}
	d.printf("5. Sealed Friday %s: the roots of its books and of the journal are recorded and signed.", friday)
	return nil
}

// demoFile contains the addresses of the demo, and the people who can sign in.
const demoFile = "demo.json"

// writeDemoFile writes demo.json as the last step, first under a temporary name. If
// the file exists, the demo is complete.
func (d *demo) writeDemoFile(context.Context) error {
	type identity struct {
		synthetic.Identity
		Token string `json:"token"` // a bearer token; valid for 24 hours while this demo runs
	}
	var identities []identity
	for _, i := range d.config.Identities() {
		token, err := d.issuer.Token(i.PersonID, demoClient, 24*time.Hour)
		if err != nil {
			return err
		}
		identities = append(identities, identity{i, token})
	}
	text, err := json.MarshalIndent(struct {
		Portal     string     `json:"portal"`
		NATS       string     `json:"nats"`
		Identities []identity `json:"identities"`
	}{d.daemon.URL(), d.ledger.Journal.URL(), identities}, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(d.data, demoFile)
	if err = os.WriteFile(path+".new", append(text, '\n'), 0o600); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// printNextSteps prints commands to try.
func (d *demo) printNextSteps() {
	agent := d.config.Identities()[0].AgentID
	if d.once {
		d.printf("\nTry next:")
	} else {
		d.printf(`
Open the portal at %[1]s, sign in as one of the made-up people, and download a book.
The demo runs until you press Ctrl-C. Try next, in another terminal:
   go run ./cmd/bookdemo generate --agents 3 --consumers 20 --weeks 1 --seed 9 | go run ./cmd/bookledger publish - --nats %[2]s
   go run ./cmd/bookledger journal dump --nats %[2]s --nats-nkey %[3]s > %[4]s
   curl %[1]s/readyz
   curl -H "Authorization: Bearer $TOKEN" %[1]s/v1/agents/%[5]s/active     # set TOKEN to a token from %[6]s

After you stop the demo:`,
			d.daemon.URL(), d.ledger.Journal.URL(), filepath.Join(d.data, node.ReaderFile), filepath.Join(d.data, "dump.ndjson"),
			agent, filepath.Join(d.data, demoFile))
	}
	d.printf(`   go run ./cmd/bookledger active --data %[1]s --agent %[2]s
   go run ./cmd/bookledger fridays --data %[1]s
   go run ./cmd/bookledger rejected --data %[1]s
   go run ./cmd/bookledger journal verify --data %[1]s
   go run ./cmd/bookledger export --data %[1]s --agent %[2]s --out book.xlsx`, d.data, agent)
}
