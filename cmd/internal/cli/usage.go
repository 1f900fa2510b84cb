package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// meantFlag is the annotation of a command that SuggestFlag sets.
const meantFlag = "bookledger_meant_flag"

// SuggestFlag sets the flag that a person most likely meant when the command gets
// an argument that it does not take: "export A100001" means "--agent A100001".
func SuggestFlag(cmd *cobra.Command, flag string) {
	if cmd.Flags().Lookup(flag) == nil {
		panic("no flag " + flag)
	}
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[meantFlag] = flag
}

// checkArgs makes a command and its subcommands return an ErrUsage for wrong
// arguments. A command takes as many arguments as its usage line names, unless it
// has a check of its own. A command that only groups others shows its help.
func checkArgs(cmd *cobra.Command) {
	if cmd.Args == nil {
		cmd.Args = countArgs
	}
	if cmd.RunE == nil {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, sub := range cmd.Commands() {
		checkArgs(sub)
	}
}

func countArgs(cmd *cobra.Command, args []string) error {
	names := strings.Fields(cmd.Use)[1:] // without the command's own name
	switch {
	case len(args) < len(names):
		return Usagef("missing argument %s; see %s --help", names[len(args)], cmd.CommandPath())
	case len(args) == len(names):
		return nil
	}
	stray, flag := args[len(names)], cmd.Flags().Lookup(cmd.Annotations[meantFlag])
	if cmd.HasAvailableSubCommands() && (flag == nil || closestCommand(cmd, stray) != "") {
		return unknownCommand(cmd, stray)
	}
	if flag != nil && !flag.Changed {
		return Usagef("unexpected argument %q: did you mean --%s %s?", stray, flag.Name, stray)
	}
	return Usagef("unexpected argument %q; see %s --help", stray, cmd.CommandPath())
}

func unknownCommand(cmd *cobra.Command, name string) error {
	if near := closestCommand(cmd, name); near != "" {
		return Usagef("unknown command %q; did you mean %q?", name, near)
	}
	return Usagef("unknown command %q; see %s --help", name, cmd.CommandPath())
}

func closestCommand(cmd *cobra.Command, name string) string {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return closest(name, names)
}

// flagError returns the ErrUsage for an error of parsing flags. The flags of a
// mistyped command are unknown, too: the error then names the command.
func flagError(cmd *cobra.Command, err error) error {
	if args := cmd.Flags().Args(); cmd.HasAvailableSubCommands() && len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || unknown.GetSpecifiedShortnames() != "" {
		return Usagef("%v; see %s --help", err, cmd.CommandPath())
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	name := unknown.GetSpecifiedName()
	if near := closest(name, names); near != "" {
		return Usagef("unknown flag --%s; did you mean --%s?", name, near)
	}
	return Usagef("unknown flag --%s; see %s --help", name, cmd.CommandPath())
}

// closest returns the name that is closest to a word: the one with the fewest
// edits, at most two, or else one that the word begins. It returns "" if there is
// none.
func closest(word string, names []string) string {
	best, fewest := "", min(3, len(word))
	for _, name := range names {
		if n := edits(word, name); n < fewest {
			best, fewest = name, n
		}
	}
	if best == "" && len(word) > 1 {
		if i := slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(name, word) }); i >= 0 {
			best = names[i]
		}
	}
	return best
}

// edits returns the Levenshtein distance of two words: how many bytes have to be
// inserted, deleted or replaced to turn one into the other.
func edits(a, b string) int {
	row := make([]int, len(b)+1) // distances between a[:i] and each b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
