package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"bookledger/cmd/bookledger/internal/ledger"
)

// The exit codes.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3
)

// errUsage is of a command that was not called as its help says.
var errUsage = errors.New("wrong usage")

// errRefused is of what the ledger's rules do not let happen.
var errRefused = errors.New("refused")

// errNotOnRecord is of a file of which the trail of exports knows nothing.
var errNotOnRecord = errors.New("no such file is on record")

func usagef(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errUsage}, args...)...)
}

// environment is what a command works with.
type environment struct {
	in       io.Reader
	out, err io.Writer
	logLevel string
	config   string
	settings map[string]bool // the flags of all commands; one file may serve several
}

// Run runs the program and returns its exit code.
func Run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	errs = &lockedWriter{w: errs}
	env := &environment{in: in, out: out, err: errs}
	root := newRoot(env)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errUsage):
		fmt.Fprintf(errs, "bookledger: %v\n", err)
		return exitUsage
	case errors.Is(err, errRefused), errors.Is(err, errNotOnRecord), ledger.IsUnsound(err):
		fmt.Fprintf(errs, "bookledger: %v\n", err)
		return exitRefused
	}
	fmt.Fprintf(errs, "bookledger: %v\n", err)
	return exitFailed
}

// lockedWriter lets progress, refusals and the log write from their goroutines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// Terminal tells whether a person reads what is written.
func (l *lockedWriter) Terminal() bool {
	f, ok := l.w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func newRoot(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "bookledger",
		Short: "An event-sourced ledger of consumers, and the agents' weekly Books of Business made from it",
		Long: `bookledger keeps an event-sourced ledger of health-insurance consumers and of
their delegation to agents. From it every agent's Book of Business is made: an
Excel workbook of all consumers delegated to the agent as of last Friday 9 p.m.
Pacific, the same bytes whenever it is made.

Every flag can also be set by an environment variable (--nats-listen by
BOOKLEDGER_NATS_LISTEN) or in a YAML file that --config names (nats-listen: …);
the flag wins over the variable, the variable over the file.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused or does not verify.`,
		Example: `  bookledger demo
  bookledger serve --data /var/lib/bookledger
  bookledger export --data ./ledger --agent A1001 --out book.xlsx`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return env.configure(cmd.Flags())
		},
	}
	root.SetIn(env.in)
	root.SetOut(env.out)
	root.SetErr(env.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%v", err) })
	root.PersistentFlags().StringVar(&env.config, "config", "", "YAML file with values for flags")
	root.PersistentFlags().StringVar(&env.logLevel, "log-level", "", "least level that is logged: debug, info, warn or error (default info of serve, error of others)")
	root.AddCommand(
		newDemo(env), newServe(env), newPublish(env), newValidate(env), newHistory(env), newJournal(env),
		newActive(env), newExport(env), newFridays(env), newRejected(env), newStatus(env),
		newExplain(env), newDiff(env), newExports(env), newEvidence(env), newVerifyBook(env), newGenerate(env), newVersion(env),
	)
	asUsage(root)
	env.settings = map[string]bool{}
	gatherSettings(root, env.settings)
	return root
}

// asUsage makes wrong arguments of every command a matter of usage.
func asUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usagef("%v; see %s --help", err, cmd.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		asUsage(sub)
	}
}

func gatherSettings(cmd *cobra.Command, into map[string]bool) {
	for _, flags := range [...]*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
		flags.VisitAll(func(f *pflag.Flag) { into[f.Name] = true })
	}
	for _, sub := range cmd.Commands() {
		gatherSettings(sub, into)
	}
}

// configure fills in the flags that were not given, from the environment and
// the configuration file.
func (env *environment) configure(flags *pflag.FlagSet) error {
	if v, ok := os.LookupEnv(variable("config")); ok && env.config == "" {
		env.config = v
	}
	file := map[string]any{}
	if env.config != "" {
		text, err := os.ReadFile(env.config)
		if err != nil {
			return fmt.Errorf("reading the configuration: %w", err)
		}
		if err := yaml.Unmarshal(text, &file); err != nil {
			return usagef("the configuration file %s is not YAML of names and values", env.config)
		}
		for name := range file {
			if !env.settings[name] {
				return usagef("the configuration file %s has a setting %q that no command knows", env.config, name)
			}
		}
	}
	given := map[string]bool{} // on the command line
	flags.Visit(func(f *pflag.Flag) { given[f.Name] = true })
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		value, ok := os.LookupEnv(variable(f.Name))
		if !ok {
			var v any
			if v, ok = file[f.Name]; ok {
				value = fmt.Sprint(v)
			}
		}
		if !ok || f.Changed || f.Name == "help" || err != nil || alternativeGiven(f, given) {
			return
		}
		if setErr := flags.Set(f.Name, value); setErr != nil {
			err = usagef("%s, from the environment or the configuration file: %v", f.Name, setErr)
		}
	})
	return err
}

// alternatives says that only one of these flags counts: one on the command
// line puts the others aside, where they come from the environment or a file.
func alternatives(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		flags.Lookup(name).Annotations = map[string][]string{alternativeTo: names}
	}
}

const alternativeTo = "bookledger_alternative_to"

func alternativeGiven(f *pflag.Flag, given map[string]bool) bool {
	return slices.ContainsFunc(f.Annotations[alternativeTo], func(name string) bool { return given[name] })
}

func variable(flag string) string {
	return "BOOKLEDGER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// logger returns a log to standard error: JSON, one object a line.
func (env *environment) logger() (*zap.Logger, error) { return env.loggerAt("info") }

// quietLogger logs only what is wrong: for commands that a person waits for.
func (env *environment) quietLogger() (*zap.Logger, error) { return env.loggerAt("error") }

func (env *environment) loggerAt(usual string) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(cmp.Or(env.logLevel, usual))
	if err != nil {
		return nil, usagef("--log-level: %v", err)
	}
	config := zap.NewProductionEncoderConfig()
	config.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	core := zapcore.NewCore(zapcore.NewJSONEncoder(config), zapcore.AddSync(env.err), level)
	return zap.New(core), nil
}

func (env *environment) sayf(format string, args ...any) { fmt.Fprintf(env.err, format+"\n", args...) }
