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

// exitError is an error with its own exit code.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

var (
	// ErrUsage is returned when the arguments or flags of a command are wrong.
	ErrUsage error = &exitError{ExitUsage, "wrong usage"}
	// ErrRefused is returned when the rules of the ledger forbid an operation, or
	// when something does not verify.
	ErrRefused error = &exitError{ExitRefused, "refused"}
	// ErrUnknownFile is returned when no record of the export trail names a file.
	ErrUnknownFile error = &exitError{ExitRefused, "no such file in the export trail"}
)

// Usagef returns an ErrUsage with a formatted reason.
func Usagef(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUsage}, args...)...)
}

// RefuseIf wraps err in ErrRefused if it is one of the reasons and not an
// ErrRefused already. It returns any other error as it is.
func RefuseIf(err error, reasons ...error) error {
	if !errors.Is(err, ErrRefused) && slices.ContainsFunc(reasons, func(reason error) bool { return errors.Is(err, reason) }) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}

// Environment is the environment of a command: its streams and its clock.
type Environment struct {
	In       io.Reader
	Out      io.Writer        // data
	Err      io.Writer        // progress, messages and the log
	Now      func() time.Time // the wall clock; the program reads it nowhere else
	Refusals []error          // errors that every command turns into an ErrRefused

	logLevel string
	config   string          // path of the configuration file
	settings map[string]bool // the flags of all commands, since one file may serve several
}

// Run runs the program with the root command that newRoot returns, and returns the
// exit code.
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

// prepare adds to the root command what both programs share.
func (env *Environment) prepare(root *cobra.Command) *cobra.Command {
	root.SilenceUsage, root.SilenceErrors = true, true
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return env.configure(cmd.Flags()) }
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().StringVar(&env.config, "config", "", "YAML file with values for flags")
	root.PersistentFlags().StringVar(&env.logLevel, "log-level", "", "lowest level to log: debug, info, warn or error (default: info for serve, error for other commands)")
	checkArgs(root)
	env.settings = map[string]bool{}
	gatherSettings(root, env.settings)
	return root
}

// Progress starts a progress bar. what names the items that are counted; total is
// 0 if their number is not known.
func (env *Environment) Progress(what string, total int64) *progress.Bar {
	return progress.New(env.Err, env.Now, what, total)
}

// Logger returns a logger that writes JSON to standard error, one object a line.
func (env *Environment) Logger() (*zap.Logger, error) { return env.loggerAt("info") }

// QuietLogger returns a logger like Logger that logs only errors, for commands that
// a person waits for.
func (env *Environment) QuietLogger() (*zap.Logger, error) { return env.loggerAt("error") }

func (env *Environment) loggerAt(defaultLevel string) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(cmp.Or(env.logLevel, defaultLevel))
	if err != nil {
		return nil, Usagef("--log-level: %q is not a level: use debug, info, warn or error", env.logLevel)
	}
	config := zap.NewProductionEncoderConfig()
	config.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	core := zapcore.NewCore(zapcore.NewJSONEncoder(config), zapcore.AddSync(env.Err), level)
	return zap.New(core), nil
}

// Messagef writes a line to standard error, for the person who runs the command.
func (env *Environment) Messagef(format string, args ...any) {
	fmt.Fprintf(env.Err, format+"\n", args...)
}

// Encode writes a value to standard output as one line of JSON.
func (env *Environment) Encode(v any) error { return json.NewEncoder(env.Out).Encode(v) }

// lockedWriter is a writer that several goroutines can share: progress, messages
// and the log.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// Terminal reports whether the writer is a terminal.
func (l *lockedWriter) Terminal() bool {
	f, ok := l.w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// RefuseOnViolation returns ErrRefused if the data folder records an integrity
// violation. Then no book may be exported from it, no tree head signed, and no key
// changed.
func RefuseOnViolation(n *node.Node) error {
	found, err := n.Violation()
	if err == nil && found != "" {
		err = fmt.Errorf("%w: integrity violation: %s; books cannot be exported from this folder, nor anything signed; keep the folder as it is, compare it with a backup and with other nodes, and run \"bookledger journal verify\" once it is repaired", ErrRefused, found)
	}
	return err
}
