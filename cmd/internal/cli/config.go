package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// gatherSettings adds the names of the flags of a command and its subcommands.
func gatherSettings(cmd *cobra.Command, into map[string]bool) {
	for _, flags := range [...]*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
		flags.VisitAll(func(f *pflag.Flag) { into[f.Name] = true })
	}
	for _, sub := range cmd.Commands() {
		gatherSettings(sub, into)
	}
}

// configure sets the flags that are not on the command line from environment
// variables and the configuration file. Then it checks that all required flags are
// set.
func (env *Environment) configure(flags *pflag.FlagSet) error {
	if v, ok := os.LookupEnv(variable("config")); ok && env.config == "" {
		env.config = v
	}
	file := map[string]any{}
	if env.config != "" {
		text, err := os.ReadFile(env.config)
		if err != nil {
			return fmt.Errorf("reading the configuration file: %w", err)
		}
		if err := yaml.Unmarshal(text, &file); err != nil {
			return Usagef("configuration file %s: not YAML of names and values, for example \"data: ./ledger\"", env.config)
		}
		for name := range file {
			if !env.settings[name] {
				return Usagef("configuration file %s: no command has a flag for the setting %q", env.config, name)
			}
		}
	}
	onCommandLine := map[string]bool{}
	flags.Visit(func(f *pflag.Flag) { onCommandLine[f.Name] = true })
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		value, ok := os.LookupEnv(variable(f.Name))
		if !ok {
			var v any
			if v, ok = file[f.Name]; ok {
				value = fmt.Sprint(v)
			}
		}
		if !ok || f.Changed || f.Name == "help" || err != nil || alternativeSet(f, onCommandLine) {
			return
		}
		if setErr := flags.Set(f.Name, value); setErr != nil {
			err = Usagef("setting %s from the environment or the configuration file: %v", f.Name, setErr)
		}
	})
	if err != nil {
		return err
	}
	return checkRequired(flags)
}

// Require makes flags required.
func Require(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		annotate(flags, name, required)
	}
}

// OneOf requires exactly one of two flags.
func OneOf(flags *pflag.FlagSet, a, b string) {
	MutuallyExclusive(flags, a, b)
	annotate(flags, a, eitherOr, b)
}

func checkRequired(flags *pflag.FlagSet) (err error) {
	blank := func(f *pflag.Flag) bool { return f.Value.String() == "" }
	flags.VisitAll(func(f *pflag.Flag) {
		_, must := f.Annotations[required]
		other := f.Annotations[eitherOr]
		switch {
		case err != nil:
		case must && blank(f):
			err = Usagef("--%s is required", f.Name)
		case other != nil && blank(f) == blank(flags.Lookup(other[0])):
			err = Usagef("use either --%s or --%s", f.Name, other[0])
		}
	})
	return err
}

// MutuallyExclusive makes a flag on the command line win over the other named
// flags, if those are set by the environment or the configuration file.
func MutuallyExclusive(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		annotate(flags, name, alternativeTo, names...)
	}
}

// Annotations of flags.
const (
	alternativeTo = "bookledger_alternative_to"
	eitherOr      = "bookledger_either_or"
	required      = "bookledger_required"
)

func annotate(flags *pflag.FlagSet, name, key string, values ...string) {
	if err := flags.SetAnnotation(name, key, values); err != nil {
		panic(err) // no such flag
	}
}

// alternativeSet reports whether set contains an alternative to a flag.
func alternativeSet(f *pflag.Flag, set map[string]bool) bool {
	return slices.ContainsFunc(f.Annotations[alternativeTo], func(name string) bool { return set[name] })
}

// variable returns the name of the environment variable that sets a flag.
func variable(flag string) string {
	return "BOOKLEDGER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
