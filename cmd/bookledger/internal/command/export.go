package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"bookledger/cmd/bookledger/internal/progress"
	"bookledger/events"
	"bookledger/exporter"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/schemas"
)

// columnSet is the column set of the books.
const columnSet = "1"

type exportOptions struct {
	where
	agent, agency, friday, out string
	all, json                  bool
}

func newExport(env *environment) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write Books of Business",
		Long: `Write the Book of Business of an agent or of an agency into a file, or those of
all agents into a folder: every consumer delegated to the agent at the Friday's
cutoff. The same book has the same bytes whenever and wherever it is made. Books
hold personal data.`,
		Example: `  bookledger export --data ./ledger --agent A1001 --out book.xlsx
  bookledger export --data ./ledger --all --friday 2026-11-20 --out ./books
  bookledger export --journal dump.ndjson --agency G100 --out agency.xlsx`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runExport(cmd.Context(), env, o) },
	}
	o.register(cmd)
	cmd.Flags().StringVar(&o.agent, "agent", "", "the book of this agent")
	cmd.Flags().StringVar(&o.agency, "agency", "", "the book that unites those of this agency's agents")
	cmd.Flags().BoolVar(&o.all, "all", false, "the books of all agents")
	cmd.Flags().StringVar(&o.friday, "friday", "latest", "as of this Friday's cutoff: a date, or latest")
	cmd.Flags().StringVar(&o.out, "out", "", "file to write, or with --all the folder (required)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one line of JSON for each book")
	return cmd
}

func runExport(ctx context.Context, env *environment, o exportOptions) error {
	chosen := 0
	for _, given := range [...]bool{o.agent != "", o.agency != "", o.all} {
		if given {
			chosen++
		}
	}
	if chosen != 1 {
		return usagef("give one of --agent, --agency and --all")
	}
	if o.out == "" {
		return usagef("--out is required")
	}
	f, err := parseFriday(o.friday)
	if err != nil {
		return err
	}
	r, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.sound(); err != nil {
		return err
	}
	s, err := r.asOf(ctx, f)
	if err != nil {
		return err
	}
	b, err := newBinder(env, s, o.say(env))
	if err != nil {
		return err
	}
	if o.all {
		return b.all(ctx, o.out)
	}
	made, err := s.book(ctx, o.agent, o.agency)
	if err != nil {
		return err
	}
	path := o.out
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, exporter.FileName(made))
	}
	w, err := b.write(ctx, made, path)
	if err != nil {
		return err
	}
	return b.say(w)
}

// binder makes books of one Friday and writes them.
type binder struct {
	env      *environment
	s        *snapshot
	exporter *exporter.Exporter
	say      func(written) error // tells of a book; nil: nothing
}

func newBinder(env *environment, s *snapshot, say func(written) error) (*binder, error) {
	columns, err := schemas.ColumnSet(columnSet)
	if err != nil {
		return nil, err
	}
	e, err := exporter.New(columns)
	if err != nil {
		return nil, err
	}
	return &binder{env: env, s: s, exporter: e, say: say}, nil
}

// all writes the books of all agents that are known, into a folder.
func (b *binder) all(ctx context.Context, folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("making the folder of the books: %w", err)
	}
	var agents []string
	if err := b.s.EachAgent(func(id string, _ *fold.Agent) error {
		agents = append(agents, id)
		return nil
	}); err != nil {
		return err
	}
	bar := progress.New(b.env.err, "books written", int64(len(agents)))
	defer bar.Done()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0)) // which also bounds the memory
	all := make([]written, len(agents))
	for i, id := range agents {
		group.Go(func() error {
			made, err := b.s.book(ctx, id, "")
			if err != nil {
				return err
			}
			if all[i], err = b.write(ctx, made, filepath.Join(folder, exporter.FileName(made))); err == nil {
				bar.Add(1)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if b.say != nil {
		for _, w := range all {
			if err := b.say(w); err != nil {
				return err
			}
		}
	}
	b.env.sayf("%d books as of Friday %s written into %s", len(agents), b.s.friday.Friday.Friday, folder)
	return nil
}

// written is what export --json says of a book.
type written struct {
	AgentID  string      `json:"agent_id,omitempty"`
	AgencyID string      `json:"agency_id,omitempty"`
	Friday   events.Date `json:"friday"`
	Boundary uint64      `json:"boundary"`
	Rows     int         `json:"rows"`
	SHA256   string      `json:"sha256"`
	Path     string      `json:"path"`
}

// write writes a book under a temporary name and renames it, so that there is
// never half a book.
func (b *binder) write(ctx context.Context, made *book.Book, path string) (written, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".book-*")
	if err != nil {
		return written{}, fmt.Errorf("writing a book: %w", err)
	}
	result, err := b.exporter.Write(ctx, f, made)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return written{}, errors.Join(fmt.Errorf("writing a book to %s: %w", path, err), os.Remove(f.Name()))
	}
	w := written{made.AgentID, "", made.Friday.Friday, made.Boundary, result.Rows, result.SHA256, path}
	if made.AgentID == "" {
		w.AgencyID = made.AgencyID
	}
	return w, nil
}

// say tells of each book on standard output.
func (o *exportOptions) say(env *environment) func(written) error {
	if o.json {
		out := json.NewEncoder(env.out)
		return func(w written) error { return out.Encode(w) }
	}
	return func(w written) error {
		_, err := fmt.Fprintf(env.out, "%s  %d rows as of Friday %s  sha256 %s\n", w.Path, w.Rows, w.Friday, w.SHA256)
		return err
	}
}
