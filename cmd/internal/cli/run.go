package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"bookledger/cmd/internal/node"
	"bookledger/cmd/internal/progress"
)

// The exit codes.
const (
	ExitDone    = 0
	ExitFailed  = 1
	ExitUsage   = 2
	ExitRefused = 3
)

// exitError is an error that ends the program with a code of its own.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

var (
	// ErrUsage is returned when a command was not called as its help says.
	ErrUsage error = &exitError{ExitUsage, "wrong usage"}
	// ErrRefused is returned when the ledger's rules forbid what was asked for,
	// or when something does not verify.
	ErrRefused error = &exitError{ExitRefused, "refused"}
	// ErrUnknownFile is returned when the export trail does not know a file.
	ErrUnknownFile error = &exitError{ExitRefused, "no such file is on record"}
)

// Usagef returns an ErrUsage that says what was wrong with the call.
func Usagef(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUsage}, args...)...)
}

// RefuseIf makes an error an ErrRefused, unless it is one, where it is one of the
// reasons.
func RefuseIf(err error, reasons ...error) error {
	if !errors.Is(err, ErrRefused) && slices.ContainsFunc(reasons, func(reason error) bool { return errors.Is(err, reason) }) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}

// Environment is what a command reads from and writes to.
type Environment struct {
	In       io.Reader
	Out, Err io.Writer        // data, and progress and messages
	Now      func() time.Time // the wall clock, which is passed on from here alone
	Refusals []error          // which make whatever command returns them a refusal

	logLevel string
	config   string          // path of the configuration file
	settings map[string]bool // the flags of all commands: one file may serve several
}

// Run runs the program whose root command newRoot makes, and returns its exit
// code.
func Run(ctx context.Context, newRoot func(*Environment) *cobra.Command, args []string, in io.Reader, out, errs io.Writer) int {
	errs = &lockedWriter{w: errs}
	env := &Environment{In: in, Out: out, Err: errs, Now: time.Now}
	root := env.prepare(newRoot(env))
	root.SetArgs(args)
	err := RefuseIf(root.ExecuteContext(ctx), env.Refusals...)
	if err == nil {
		return ExitDone
	}
	fmt.Fprintf(errs, "%s: %v\n", root.Name(), err)
	if exit, ok := errors.AsType[*exitError](err); ok {
		return exit.code
	}
	if node.IsViolation(err) {
		return ExitRefused
	}
	return ExitFailed
}

// prepare gives the root command what every program's has.
func (env *Environment) prepare(root *cobra.Command) *cobra.Command {
	root.SilenceUsage, root.SilenceErrors = true, true
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return env.configure(cmd.Flags()) }
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return Usagef("%v", err) })
	root.PersistentFlags().StringVar(&env.config, "config", "", "YAML file with values for flags")
	root.PersistentFlags().StringVar(&env.logLevel, "log-level", "", "least level that is logged: debug, info, warn or error (default info of serve, error of others)")
	complete(root)
	env.settings = map[string]bool{}
	gatherSettings(root, env.settings)
	return root
}

// complete makes wrong arguments of every command a matter of usage: those of
// one that does not say which it takes are none. One that runs nothing by itself
// shows its help.
func complete(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		check = cobra.NoArgs
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return Usagef("%v; see %s --help", err, cmd.CommandPath())
		}
		return nil
	}
	if cmd.RunE == nil {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, sub := range cmd.Commands() {
		complete(sub)
	}
}

// Progress begins to show how far the work is of which what is counted; total is
// 0 where it is not known.
func (env *Environment) Progress(what string, total int64) *progress.Bar {
	return progress.New(env.Err, env.Now, what, total)
}

// Logger returns a log to standard error: JSON, one object a line.
func (env *Environment) Logger() (*zap.Logger, error) { return env.loggerAt("info") }

// QuietLogger logs only what is wrong: for commands that a person waits for.
func (env *Environment) QuietLogger() (*zap.Logger, error) { return env.loggerAt("error") }

func (env *Environment) loggerAt(usual string) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(cmp.Or(env.logLevel, usual))
	if err != nil {
		return nil, Usagef("--log-level: %v", err)
	}
	config := zap.NewProductionEncoderConfig()
	config.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	core := zapcore.NewCore(zapcore.NewJSONEncoder(config), zapcore.AddSync(env.Err), level)
	return zap.New(core), nil
}

// Messagef writes a line for the person who runs the command, to standard error.
func (env *Environment) Messagef(format string, args ...any) {
	fmt.Fprintf(env.Err, format+"\n", args...)
}

// Encode writes a value to standard output: JSON on a line of its own.
func (env *Environment) Encode(v any) error { return json.NewEncoder(env.Out).Encode(v) }

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

// Terminal reports whether a person reads what is written.
func (l *lockedWriter) Terminal() bool {
	f, ok := l.w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// RefuseOnViolation refuses to let a book leave a folder whose journal was found to
// differ from what was applied, or to have a key handed over or a head recorded
// there.
func RefuseOnViolation(l *node.Node) error {
	found, err := l.Violation()
	if err == nil && found != "" {
		err = fmt.Errorf("%w: no book leaves this folder, and nothing is signed there, while its journal is not what was applied: %s; keep it as it is, compare it with a backup and with other nodes, and run journal verify once it is mended", ErrRefused, found)
	}
	return err
}
