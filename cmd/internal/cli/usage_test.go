package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// newTestProgram returns a root command that groups others, one of which runs by
// itself and has a subcommand, too.
func newTestProgram(*Environment) *cobra.Command {
	run := func(*cobra.Command, []string) error { return nil }
	root := &cobra.Command{Use: "program"}
	export := &cobra.Command{Use: "export", RunE: run}
	export.Flags().String("agent", "", "")
	SuggestFlag(export, "agent")
	publish := &cobra.Command{Use: "publish FILE|-", RunE: run}
	group := &cobra.Command{Use: "journal"}
	group.AddCommand(&cobra.Command{Use: "dump", RunE: run})
	both := &cobra.Command{Use: "both", RunE: run}
	both.Flags().String("data", "", "")
	SuggestFlag(both, "data")
	both.AddCommand(&cobra.Command{Use: "generate", RunE: run})
	root.AddCommand(export, publish, group, both)
	return root
}

func TestWrongUsageSuggestsWhatWasMeant(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"exprot", `unknown command "exprot"; did you mean "export"?`},
		{"exprot --agent A1", `unknown command "exprot"; did you mean "export"?`},
		{"exp", `unknown command "exp"; did you mean "export"?`},
		{"nonsense", `unknown command "nonsense"; see program --help`},
		{"journal dmup", `unknown command "dmup"; did you mean "dump"?`},
		{"journal x", `unknown command "x"; see program journal --help`},
		{"export A1", `unexpected argument "A1": did you mean --agent A1?`},
		{"export --agent A1 A2", `unexpected argument "A2"; see program export --help`},
		{"export --agnt A1", `unknown flag: --agnt; see program export --help`},
		{"export -x", `unknown shorthand flag: 'x' in -x; see program export --help`},
		{"export --agent", `flag needs an argument: --agent; see program export --help`},
		{"publish", `missing argument FILE|-; see program publish --help`},
		{"publish a b", `unexpected argument "b"; see program publish --help`},
		{"both genrate", `unknown command "genrate"; did you mean "generate"?`},
		{"both ./folder", `unexpected argument "./folder": did you mean --data ./folder?`},
	} {
		var out, errs bytes.Buffer
		code := Run(t.Context(), newTestProgram, strings.Fields(c.args), strings.NewReader(""), &out, &errs)
		if got, want := errs.String(), "program: wrong usage: "+c.want+"\n"; code != ExitUsage || got != want {
			t.Errorf("%s: got exit code %d and %q, want %d and %q", c.args, code, got, ExitUsage, want)
		}
	}
}
