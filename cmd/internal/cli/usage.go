package cli

import (
	"strings"

	"github.com/spf13/cobra"
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

// closestCommand returns the subcommand that a word most likely means, or "".
func closestCommand(cmd *cobra.Command, word string) string {
	cmd.SuggestionsMinimumDistance = 2 // the most edits; cobra sets it only for errors of its own
	if similar := cmd.SuggestionsFor(word); len(similar) > 0 {
		return similar[0]
	}
	return ""
}

// flagError returns the ErrUsage for an error of parsing flags. The flags of a
// mistyped command are unknown, too: the error then names the command.
func flagError(cmd *cobra.Command, err error) error {
	if args := cmd.Flags().Args(); cmd.HasAvailableSubCommands() && len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	return Usagef("%v; see %s --help", err, cmd.CommandPath())
}
