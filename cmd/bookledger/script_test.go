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

// TestMain lets the test binary act as the programs that the scripts run.
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

// TestScripts runs the scripts in testdata/script. In addition to the commands of
// testscript, they can use:
//
//	exits CODE PROGRAM [ARG…]   runs a program that must exit with CODE
//	serve NAME [ARG…]           starts "bookledger serve" on free ports and waits
//	                            until it serves; sets $HTTP and $NATS to its
//	                            addresses; its log is the file NAME.log
//	demo DATA                   starts "bookdemo --data DATA" in the same way
//	stop NAME                   interrupts a program, which must exit with 0
//	metric NAME VALUE           waits until /metrics shows the value
//	get CODE PATH               requests a path of $HTTP until the status is CODE
//	header NAME PATH            requests a path, whose answer must have the header
//	same FILE FILE              compares two files or folders, byte for byte
//	readme CODE PREFIX…         runs the command lines of the README with these
//	                            prefixes in one shell, which must exit with CODE
//	readme otherwise PREFIX     marks a line that the script runs in another way
//	readme end                  checks that no command line of the README is left
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
			"exits": exits, "serve": serve, "demo": serveDemo, "stop": stop, "metric": metric, "get": get, "header": header, "same": same, "readme": runReadme,
		},
		RequireUniqueNames: true,
	})
}

// exits runs a program and checks its exit code.
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
		ts.Fatalf("%q: got exit code %d, want %s: %s", args[1:], code, args[0], ts.ReadFile("stderr"))
	}
}

type daemonsKey struct{}

// daemon is a running "bookledger serve" or "bookdemo".
type daemon struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// timeout ends a test that hangs. It is long because the machine may be busy.
const timeout = 3 * time.Minute

// startProgram starts a program in the background, with its standard error in NAME.log,
// and waits until a line of JSON in a file contains its addresses.
func startProgram(ts *testscript.TestScript, name, file, program string, args ...string) {
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
	eventually(ts, file+" contains the addresses of "+name, func() bool {
		select {
		case <-d.done:
			ts.Fatalf("the program ended: %s", ts.ReadFile(name+".log"))
		default:
		}
		text, _ := os.ReadFile(ts.MkAbs(file))
		for lines := json.NewDecoder(bytes.NewReader(text)); ; {
			var line struct{ Msg, HTTP, Portal, NATS string }
			if lines.Decode(&line) != nil {
				return false
			}
			if line.Msg == "serving" || line.Portal != "" {
				ts.Setenv("HTTP", cmp.Or(line.Portal, line.HTTP))
				ts.Setenv("NATS", line.NATS)
				return true
			}
		}
	})
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: serve NAME [ARG…]")
	}
	startProgram(ts, args[0], args[0]+".log", "bookledger", append([]string{"serve", "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0"}, args[1:]...)...)
}

func serveDemo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: demo DATA")
	}
	startProgram(ts, args[0], args[0]+"/demo.json", "bookdemo", "--data", args[0], "--listen", "127.0.0.1:0")
}

func stop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stop NAME")
	}
	d := ts.Value(daemonsKey{}).(map[string]*daemon)[args[0]]
	ts.Check(d.cmd.Process.Signal(os.Interrupt))
	select {
	case <-d.done:
	case <-time.After(timeout):
		ts.Fatalf("the program does not end")
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		ts.Fatalf("after an interrupt: got exit code %d, want 0: %s", code, ts.ReadFile(args[0]+".log"))
	}
}

// eventually waits until a condition is true.
func eventually(ts *testscript.TestScript, what string, condition func() bool) {
	deadline := time.Now().Add(timeout)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			ts.Fatalf("timed out waiting until %s", what)
		}
		<-ticker.C
	}
}

// request returns the status and body of a GET request, or 0 and the error.
func request(url string) (code int, body string) {
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
	eventually(ts, fmt.Sprintf("the metric %s is %s (negated: %t)", args[0], args[1], neg), func() bool {
		_, text := request(ts.Getenv("HTTP") + "/metrics")
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
	eventually(ts, args[1]+" returns status "+args[0], func() bool {
		var code int
		code, body = request(ts.Getenv("HTTP") + args[1])
		return fmt.Sprint(code) == args[0]
	})
	_, _ = io.WriteString(ts.Stdout(), body)
}

func header(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] header NAME PATH")
	}
	response, err := http.Get(ts.Getenv("HTTP") + args[1])
	ts.Check(err)
	ts.Check(response.Body.Close())
	if value := response.Header.Get(args[0]); (value != "") == neg {
		ts.Fatalf("%s: got header %s: %q", args[1], args[0], value)
	}
}

func same(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] same FILE FILE")
	}
	out, err := exec.Command("diff", "-rq", ts.MkAbs(args[0]), ts.MkAbs(args[1])).CombinedOutput()
	if (err == nil) == neg {
		ts.Fatalf("got same %t, want %t: %s", err == nil, !neg, out)
	}
}

type readmeKey struct{}

// readme contains the command lines of the README that no script has run yet.
type readme struct{ left []string }

// commandLines returns the lines of a README's sh blocks without their comments.
// A backslash at the end of a line joins it with the next one.
func commandLines(text string) (all []string) {
	comment := regexp.MustCompile(`\s{2,}# .*`)
	inBlock, joined := false, ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "```") {
			inBlock = line == "```sh"
			continue
		}
		if !inBlock {
			continue
		}
		joined += comment.ReplaceAllString(line, "")
		if start, continued := strings.CutSuffix(joined, "\\"); continued {
			joined = start
			continue
		}
		all, joined = append(all, joined), ""
	}
	return all
}

// take removes and returns the first line with a prefix.
func (r *readme) take(ts *testscript.TestScript, prefix string) string {
	i := slices.IndexFunc(r.left, func(line string) bool { return strings.HasPrefix(line, prefix) })
	if i < 0 {
		ts.Fatalf("the README has no line left with the prefix %q, only %q", prefix, r.left)
	}
	line := r.left[i]
	r.left = slices.Delete(r.left, i, i+1)
	return line
}

func runReadme(ts *testscript.TestScript, neg bool, args []string) {
	r := ts.Value(readmeKey{}).(*readme)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: readme CODE PREFIX… | readme otherwise PREFIX | readme end")
	case args[0] == "end":
		if len(r.left) > 0 {
			ts.Fatalf("no script runs these lines of the README: %q", r.left)
		}
	case args[0] == "otherwise":
		r.take(ts, args[1])
	default:
		var lines []string
		for _, prefix := range args[1:] {
			lines = append(lines, r.take(ts, prefix))
		}
		text := strings.Join(lines, "\n")
		if url := ts.Getenv("HTTP"); url != "" {
			text = strings.ReplaceAll(text, "http://127.0.0.1:8080", url)
		}
		exits(ts, false, []string{args[0], "sh", "-e", "-c", text})
	}
}
