package command

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/exporter"
	"bookledger/projections"
	"bookledger/projections/fold"
)

func newVersion(env *cli.Environment) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Show the versions of the program, the rules, the projector and the exporter",
		Example: "  bookledger version --json",
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version   string `json:"version"`
				Revision  string `json:"revision"`
				Go        string `json:"go"`
				Rules     int    `json:"rules"`
				Projector int    `json:"projector"`
				Exporter  string `json:"exporter"`
			}{"unknown", "unknown", runtime.Version(), fold.RulesNumber, projections.Version, exporter.Version}
			if info, ok := debug.ReadBuildInfo(); ok {
				v.Version = info.Main.Version
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						v.Revision = s.Value
					}
				}
			}
			if asJSON {
				return json.NewEncoder(env.Out).Encode(v)
			}
			_, err := fmt.Fprintf(env.Out, "bookledger %s (revision %s, %s)\nrules %d, projector %d, exporter %s\n",
				v.Version, v.Revision, v.Go, v.Rules, v.Projector, v.Exporter)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
