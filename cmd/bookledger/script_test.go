package main_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	demo "bookledger/cmd/bookdemo/command"
	"bookledger/cmd/bookledger/internal/command"
)

// TestMain lets the test binary be the programs that the scripts call.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"bookledger": program(command.Run),
		"bookdemo":   program(demo.Run),
	})
}

func program(run func(context.Context, []string, io.Reader, io.Writer, io.Writer) int) func() {
	return func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
}

// TestScripts runs the stories in testdata/script. Beside the commands of
// testscript they have:
//
//	exits CODE PROGRAM [ARG…]   runs a program that must end with that exit code
//	serve NAME [ARG…]           starts "bookledger serve" on free ports and waits
//	                            until it serves; its addresses are $HTTP and $NATS,
//	                            its log is the file NAME.log
//	demo DATA                   starts "bookdemo --data DATA" likewise
//	stop NAME                   interrupts it, and it must end in order
//	metric NAME VALUE           waits until /metrics says so
//	get CODE PATH               asks $HTTP, waiting until it answers with that code
//	same FILE FILE              compares two files or folders, byte for byte
//	readme CODE LINE…           runs the README's command lines that begin so, in
//	                            one shell, which must end with that exit code
//	readme otherwise LINE       says that the script runs this line in its own way
//	readme end                  holds that no command line of the README is left
func TestScripts(t *testing.T) {
	audit := filepath.Join(t.TempDir(), "bookaudit")
	if out, err := exec.Command("go", "build", "-o", audit, "bookledger/cmd/bookaudit").CombinedOutput(); err != nil {
		t.Fatalf("building bookaudit: %v: %s", err, out)
	}
	golden, err := filepath.Abs("testdata/golden/dump.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for _, name := range readmes(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		commands = append(commands, commandLines(string(text))...)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(audit)+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("GOLDEN", golden)
			e.Values[daemonsKey{}] = map[string]*daemon{}
			e.Values[readmeKey{}] = &readme{left: slices.Clone(commands)}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "serve": serve, "demo": serveDemo, "stop": stop, "metric": metric, "get": get, "same": same, "readme": runReadme,
		},
		RequireUniqueNames: true,
	})
}

// exits runs a program and holds its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG…]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("running %s: %v", args[1], err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("%q has exit code %d, want %s: %s", args[1:], code, args[0], ts.ReadFile("stderr"))
	}
}

type daemonsKey struct{}

// daemon is a running "bookledger serve".
type daemon struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// atMost ends what hangs; a busy machine may take long for anything.
const atMost = 3 * time.Minute

// begin begins a program in the background, which writes what it says to standard
// error into NAME.log, and waits until a line of a file says where it serves.
func begin(ts *testscript.TestScript, name, file, program string, args ...string) {
	path, err := exec.LookPath(program)
	ts.Check(err)
	log, err := os.Create(ts.MkAbs(name + ".log"))
	ts.Check(err)
	d := &daemon{cmd: exec.Command(path, args...), done: make(chan struct{})}
	d.cmd.Dir, d.cmd.Stderr = ts.Getenv("WORK"), log
	ts.Check(d.cmd.Start())
	ts.Check(log.Close())
	ts.Value(daemonsKey{}).(map[string]*daemon)[name] = d
	go func() {
		defer close(d.done)
		_ = d.cmd.Wait()
	}()
	ts.Defer(func() {
		_ = d.cmd.Process.Kill()
		<-d.done
	})
	eventually(ts, file+" says where "+name+" serves", func() bool {
		select {
		case <-d.done:
			ts.Fatalf("the daemon ended: %s", ts.ReadFile(name+".log"))
		default:
		}
		text, _ := os.ReadFile(ts.MkAbs(file))
		for said := json.NewDecoder(bytes.NewReader(text)); ; {
			var at struct{ Msg, HTTP, Portal, NATS string }
			if said.Decode(&at) != nil {
				return false
			}
			if at.Msg == "serving" || at.Portal != "" {
				ts.Setenv("HTTP", cmp.Or(at.Portal, at.HTTP))
				ts.Setenv("NATS", at.NATS)
				return true
			}
		}
	})
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: serve NAME [ARG…]")
	}
	begin(ts, args[0], args[0]+".log", "bookledger", append([]string{"serve", "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0"}, args[1:]...)...)
}

func serveDemo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: demo DATA")
	}
	begin(ts, args[0], args[0]+"/demo.json", "bookdemo", "--data", args[0], "--listen", "127.0.0.1:0")
}

func stop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stop NAME")
	}
	d := ts.Value(daemonsKey{}).(map[string]*daemon)[args[0]]
	ts.Check(d.cmd.Process.Signal(os.Interrupt))
	select {
	case <-d.done:
	case <-time.After(atMost):
		ts.Fatalf("the daemon does not end")
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		ts.Fatalf("an orderly end has exit code %d: %s", code, ts.ReadFile(args[0]+".log"))
	}
}

// eventually waits until the condition holds.
func eventually(ts *testscript.TestScript, what string, holds func() bool) {
	deadline := time.Now().Add(atMost)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			ts.Fatalf("waited in vain until %s", what)
		}
		<-ticker.C
	}
}

func ask(url string) (code int, body string) {
	response, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

func metric(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] metric NAME VALUE")
	}
	eventually(ts, fmt.Sprintf("the metric %s is (not: %v) %s", args[0], neg, args[1]), func() bool {
		_, text := ask(ts.Getenv("HTTP") + "/metrics")
		for line := range strings.Lines(text) {
			if value, ok := strings.CutPrefix(line, args[0]+" "); ok {
				return (strings.TrimSpace(value) == args[1]) != neg
			}
		}
		return false
	})
}

func get(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: get CODE PATH")
	}
	var body string
	eventually(ts, args[1]+" answers "+args[0], func() bool {
		var code int
		code, body = ask(ts.Getenv("HTTP") + args[1])
		return fmt.Sprint(code) == args[0]
	})
	_, _ = io.WriteString(ts.Stdout(), body)
}

func same(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] same FILE FILE")
	}
	out, err := exec.Command("diff", "-rq", ts.MkAbs(args[0]), ts.MkAbs(args[1])).CombinedOutput()
	if (err == nil) == neg {
		ts.Fatalf("same is %v: %s", err == nil, out)
	}
}

type readmeKey struct{}

// readme holds the README's command lines that no script has run yet.
type readme struct{ left []string }

// commandLines returns the command lines of a README, which are in its fenced
// blocks of the language sh, without their comments. A line that ends in a
// backslash continues on the next.
func commandLines(text string) (all []string) {
	comment := regexp.MustCompile(`\s{2,}# .*`)
	inBlock, whole := false, ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "```") {
			inBlock = line == "```sh"
			continue
		}
		if !inBlock {
			continue
		}
		whole += comment.ReplaceAllString(line, "")
		if begun, continues := strings.CutSuffix(whole, "\\"); continues {
			whole = begun
			continue
		}
		all, whole = append(all, whole), ""
	}
	return all
}

// take removes the line that begins with prefix.
func (r *readme) take(ts *testscript.TestScript, prefix string) string {
	i := slices.IndexFunc(r.left, func(line string) bool { return strings.HasPrefix(line, prefix) })
	if i < 0 {
		ts.Fatalf("the README has no line left that begins with %q; it has %q", prefix, r.left)
	}
	line := r.left[i]
	r.left = slices.Delete(r.left, i, i+1)
	return line
}

func runReadme(ts *testscript.TestScript, neg bool, args []string) {
	r := ts.Value(readmeKey{}).(*readme)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: readme CODE LINE… | readme otherwise LINE | readme end")
	case args[0] == "end":
		if len(r.left) > 0 {
			ts.Fatalf("nothing runs these lines of the README: %q", r.left)
		}
	case args[0] == "otherwise":
		r.take(ts, args[1])
	default:
		var lines []string
		for _, prefix := range args[1:] {
			lines = append(lines, r.take(ts, prefix))
		}
		text := strings.Join(lines, "\n")
		if at := ts.Getenv("HTTP"); at != "" {
			text = strings.ReplaceAll(text, "http://127.0.0.1:8080", at)
		}
		exits(ts, false, []string{args[0], "sh", "-e", "-c", text})
	}
}
