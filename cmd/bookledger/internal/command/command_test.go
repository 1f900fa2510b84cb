package command_test

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

	demo "bookledger/cmd/bookdemo/command"
	"bookledger/cmd/bookledger/internal/command"
	"bookledger/cmd/internal/node"
)

// TestMain lets the test binary run as the program, for tests that need a separate
// process.
func TestMain(m *testing.M) {
	if os.Getenv("BOOKLEDGER_TEST_PROGRAM") == "1" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		code := command.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// result is the result of a command.
type result struct {
	code     int
	out, err string
}

// run runs a command in the test's process.
func run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := command.Run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return result{code, out.String(), errs.String()}
}

// must runs a command that must succeed, and returns its output.
func must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	r := run(t, stdin, args...)
	if r.code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, r.code, r.err)
	}
	return r.out
}

// bookdemo runs bookdemo, which must succeed, and returns its output.
func bookdemo(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := demo.Run(t.Context(), args, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("bookdemo %v: exit code %d: %s", args, code, errs.String())
	}
	return out.String()
}

// decode decodes JSON objects, one a line.
func decode[T any](t *testing.T, text string) []T {
	t.Helper()
	var all []T
	d := json.NewDecoder(strings.NewReader(text))
	for {
		var v T
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("reading JSON: %v in %s", err, text)
		}
		all = append(all, v)
	}
}

type status struct {
	Position, Applied, Duplicates, Rejected, Cases, Agents uint64
	StateHash                                              string `json:"state_hash"`
	OpenFriday                                             string `json:"open_friday"`
}

func statusOf(t *testing.T, args ...string) status {
	t.Helper()
	return decode[status](t, must(t, "", append([]string{"status", "--json"}, args...)...))[0]
}

// program is the program in a separate process.
type program struct {
	cmd        *exec.Cmd
	http, nats string
	key        string // file of the readers' key
	mu         sync.Mutex
	log        []string
	ended      chan struct{}
}

// timeout ends what hangs; on a busy machine anything can take long.
const timeout = 3 * time.Minute

func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(os.Args[0], args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "BOOKLEDGER_TEST_PROGRAM=1")
	errs, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan struct{})
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(errs)
		for lines.Scan() {
			p.note(lines.Text(), serving)
		}
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() { p.kill() })
	select {
	case <-serving:
	case <-p.ended:
		t.Fatalf("the daemon ended: %s", p.text())
	case <-time.After(timeout):
		t.Fatalf("the daemon did not report that it serves: %s", p.text())
	}
	return p
}

func (p *program) note(line string, serving chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, line)
	var said struct{ Msg, HTTP, NATS string }
	if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "serving" {
		p.http, p.nats = said.HTTP, said.NATS
		close(serving)
	}
}

func (p *program) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.log, "\n")
}

// kill kills the process.
func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stop shuts the process down and returns its exit code.
func (p *program) stop(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(timeout):
		t.Fatalf("the daemon did not end: %s", p.text())
	}
	return p.cmd.ProcessState.ExitCode()
}

func serve(t *testing.T, data string, more ...string) *program {
	t.Helper()
	p := start(t, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0"}, more...)...)
	p.key = filepath.Join(data, node.ReaderFile)
	return p
}

// dump reads the running ledger's journal over NATS.
func (p *program) dump(t *testing.T) string {
	t.Helper()
	return must(t, "", "journal", "dump", "--nats", p.nats, "--nats-nkey", p.key)
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// metric returns one value of /metrics.
func metric(t *testing.T, p *program, name string) string {
	t.Helper()
	_, text := get(t, p.http+"/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// eventLine returns a line for publish.
func eventLine(subject, id, eventType, data string) string {
	source := subject[strings.LastIndexByte(subject, '.')+1:]
	return fmt.Sprintf(`{"subject":%q,"event":%s}`+"\n", subject, encodeEvent(source, id, eventType, data))
}

func encodeEvent(source, id, eventType, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":%q,"type":%q,"time":"2026-11-20T20:59:58-08:00","data":%s}`, id, source, eventType, data)
}

func writeEvents(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
