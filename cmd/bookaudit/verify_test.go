package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func audit(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

// TestUsage holds help, version and exit codes of what is no bundle. How
// bundles verify, and how they do not, is tested where they are made.
func TestUsage(t *testing.T) {
	empty := t.TempDir()
	broken := t.TempDir()
	if err := os.WriteFile(broken+"/bundle.json", []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 0, "verify"},
		{[]string{"--help"}, 0, "Exit codes: 0 verified"},
		{[]string{"verify", "--help"}, 0, "--key"},
		{[]string{"--version"}, 0, "bookaudit version"},
		{[]string{"verify"}, 2, "see bookaudit verify --help"},
		{[]string{"verify", "a", "b"}, 2, "wrong usage"},
		{[]string{"verify", empty, "--colour"}, 2, "--colour"},
		{[]string{"nonsense"}, 2, "nonsense"},
		{[]string{"verify", empty, "--key", "no key"}, 2, "neither a key nor a file"},
		{[]string{"verify", empty}, 3, "bundle.json"},
		{[]string{"verify", empty, "--json"}, 3, `"verified":false`},
		{[]string{"verify", broken + "/bundle.json"}, 1, "not a directory"},
		{[]string{"verify", empty + "/nowhere"}, 1, "no such file"},
		{[]string{"verify", empty, "--head", empty + "/nowhere"}, 1, "no such file"},
		{[]string{"verify", broken}, 3, "DOES NOT VERIFY"},
		{[]string{"verify", broken, "--json"}, 3, `"verified":false`},
	} {
		code, out, errs := audit(t, c.args...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%q: exit code %d, want %d and %q:\n%s%s", c.args, code, c.code, c.says, out, errs)
		}
		if code != 0 && errs == "" {
			t.Errorf("%q: exit code %d without a word", c.args, code)
		}
	}
}

// TestLinks holds that the auditors' program is built without the journal's
// server, the store, the portal and whatever else of the daemon.
func TestLinks(t *testing.T) {
	list, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(list))
	for _, dep := range deps {
		for _, never := range []string{
			"github.com/nats-io/", "github.com/synadia-io/", "github.com/cockroachdb/", "github.com/coreos/go-oidc", "github.com/prometheus/",
			"bookledger/cmd/bookledger", "bookledger/events/journal", "bookledger/projections/internal/store", "bookledger/projections/active",
		} {
			if strings.HasPrefix(dep, never) {
				t.Errorf("it is built from %s", dep)
			}
		}
		if dep == "bookledger/projections" {
			t.Errorf("it is built from %s", dep)
		}
	}
	if len(deps) < 50 || !strings.Contains(string(list), "bookledger/projections/replay\n") {
		t.Errorf("go list named only %d packages", len(deps))
	}
}
