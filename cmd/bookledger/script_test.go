package main_test

import (
	"bufio"
	"bytes"
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
	"strings"
	"sync"
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
//	stop NAME                   interrupts it, and it must end in order
//	metric NAME VALUE           waits until /metrics says so
//	get CODE PATH               asks $HTTP, waiting until it answers with that code
//	same FILE FILE              compares two files or folders, byte for byte
func TestScripts(t *testing.T) {
	audit := filepath.Join(t.TempDir(), "bookaudit")
	if out, err := exec.Command("go", "build", "-o", audit, "bookledger/cmd/bookaudit").CombinedOutput(); err != nil {
		t.Fatalf("building bookaudit: %v: %s", err, out)
	}
	golden, err := filepath.Abs("testdata/golden/dump.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(audit)+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("GOLDEN", golden)
			e.Values[daemonsKey{}] = map[string]*daemon{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "serve": serve, "stop": stop, "metric": metric, "get": get, "same": same,
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

	mu  sync.Mutex
	log bytes.Buffer
}

// atMost ends what hangs; a busy machine may take long for anything.
const atMost = 3 * time.Minute

func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: serve NAME [ARG…]")
	}
	name := args[0]
	program, err := exec.LookPath("bookledger")
	ts.Check(err)
	d := &daemon{done: make(chan struct{})}
	d.cmd = exec.Command(program, append([]string{"serve", "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0"}, args[1:]...)...)
	d.cmd.Dir = ts.Getenv("WORK")
	errs, err := d.cmd.StderrPipe()
	ts.Check(err)
	ts.Check(d.cmd.Start())
	ts.Value(daemonsKey{}).(map[string]*daemon)[name] = d
	serving := make(chan struct{ HTTP, NATS string }, 1)
	go func() {
		defer close(d.done)
		log, err := os.Create(ts.MkAbs(name + ".log"))
		if err != nil {
			return
		}
		defer log.Close()
		for lines := bufio.NewScanner(errs); lines.Scan(); {
			fmt.Fprintln(log, lines.Text())
			var said struct{ Msg, HTTP, NATS string }
			if json.Unmarshal(lines.Bytes(), &said) == nil && said.Msg == "serving" {
				serving <- struct{ HTTP, NATS string }{said.HTTP, said.NATS}
			}
		}
		_ = d.cmd.Wait()
	}()
	ts.Defer(func() {
		_ = d.cmd.Process.Kill()
		<-d.done
	})
	select {
	case at := <-serving:
		ts.Setenv("HTTP", at.HTTP)
		ts.Setenv("NATS", at.NATS)
	case <-d.done:
		ts.Fatalf("the daemon ended: %s", ts.ReadFile(name+".log"))
	case <-time.After(atMost):
		ts.Fatalf("the daemon does not serve: %s", ts.ReadFile(name+".log"))
	}
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
