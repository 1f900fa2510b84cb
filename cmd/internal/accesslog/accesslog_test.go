package accesslog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// writerPath names the environment variable with the path of a log. If it is set, the test
// binary runs no tests and writes to that log, as another program would.
const writerPath = "ACCESSLOG_TEST_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerPath); path != "" {
		if err := writeMany(path, os.Getenv(writerPath+"_NAME")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 5, time.FixedZone("PST", -8*3600))

func entry(person string) Entry {
	return Entry{Time: noon, Person: person, Role: "agent", What: "case", Agent: "A-1", Case: "5000032500", Via: "portal", Address: "192.0.2.7"}
}

const writers, lines = 8, 250

// writeMany writes entries from several goroutines. Their persons start with name.
func writeMany(path, name string) error {
	log, err := Open(path)
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	failed := make(chan error, writers)
	for w := range writers {
		group.Go(func() {
			for i := range lines {
				if err := log.Write(entry(fmt.Sprintf("%s-%d-%d", name, w, i))); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)
	if err := <-failed; err != nil {
		return err
	}
	return log.Close()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openTestLog(t *testing.T) (*Log, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "access.log")
	log, err := Open(path)
	must(t, err)
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return log, path
}

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

func TestWriteAppendsOneLine(t *testing.T) {
	log, path := openTestLog(t)
	for _, e := range []Entry{entry("P-1"), {Time: noon, Person: "P-2", What: "agents", Agency: "G-1"}} {
		must(t, log.Write(e))
	}
	const want = `{"time":"2026-11-20T20:00:00.000000005Z","person":"P-1","role":"agent","what":"case","agent":"A-1","case":"5000032500","via":"portal","address":"192.0.2.7"}
{"time":"2026-11-20T20:00:00.000000005Z","person":"P-2","what":"agents","agency":"G-1"}
`
	if got := contents(t, path); got != want {
		t.Errorf("got log\n%swant\n%s", got, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got file mode %v (error %v), want 0600", info.Mode(), err)
	}
}

func TestWriteRejectsIncompleteEntry(t *testing.T) {
	log, path := openTestLog(t)
	for _, e := range []Entry{{Person: "P-1", What: "case"}, {Time: noon, What: "case"}, {Time: noon, Person: "P-1"}} {
		if err := log.Write(e); err == nil {
			t.Errorf("%+v: got no error", e)
		}
	}
	if got := contents(t, path); got != "" {
		t.Errorf("got log %q, want it empty", got)
	}
}

// checkLine checks that a line is the entry's, printable, and not too long.
func checkLine(t *testing.T, text []byte, e Entry) {
	t.Helper()
	body, ended := bytes.CutSuffix(text, []byte("\n"))
	if !ended || !utf8.Valid(body) || len(body) > 9*(12*maxValueLength+20) {
		t.Fatalf("got a line of %d bytes, with newline: %v", len(text), ended)
	}
	for _, r := range string(body) {
		if !unicode.IsPrint(r) {
			t.Fatalf("got %U in %q, want printable characters only", r, body)
		}
	}
	var back Entry
	if err := json.Unmarshal(body, &back); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	if len(back.Case) > 0 && !strings.HasPrefix(string([]rune(e.Case)), back.Case) || utf8.RuneCountInString(back.Case) != min(maxValueLength, len([]rune(e.Case))) {
		t.Fatalf("case %q: got %q, want its first %d characters", e.Case, back.Case, maxValueLength)
	}
}

var hostile = []string{
	"\n{\"person\":\"nobody\"}\n", "\"},{\"", "\r\x00\x1b[2J\u0085\u2028\u2029\u009b31m", "\u202egnissim\u200b", "\xff\xfe\x80 half \xe2\x82",
	strings.Repeat("x", 1<<20), strings.Repeat("é", 99) + "\xf0\x9f", strings.Repeat("\U000e0001", 500), "<script>&", "José \U0001f600", "\ufffd\ufeff", "\x7f",
}

// FuzzLine checks that a hostile value neither breaks a line nor makes it huge.
func FuzzLine(f *testing.F) {
	for _, value := range hostile {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		e := Entry{Time: noon, Person: "P-1", Role: value, What: "case", Agent: value, Agency: value, Case: value, Via: value, Address: value}
		text, err := e.encode()
		must(t, err)
		checkLine(t, text, e)
	})
}

func TestLinesOfSeveralProgramsDoNotMix(t *testing.T) {
	_, path := openTestLog(t)
	var programs []*exec.Cmd
	for _, name := range []string{"one", "two"} {
		c := exec.Command(os.Args[0], "-test.run=^$")
		c.Env = append(os.Environ(), writerPath+"="+path, writerPath+"_NAME="+name)
		c.Stderr = os.Stderr
		must(t, c.Start())
		programs = append(programs, c)
	}
	must(t, writeMany(path, "own"))
	for _, c := range programs {
		must(t, c.Wait())
	}
	seen := map[string]bool{}
	scanner := bufio.NewScanner(strings.NewReader(contents(t, path)))
	for scanner.Scan() {
		var l Entry
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			t.Fatalf("%q: %v", scanner.Text(), err)
		}
		seen[l.Person] = true
		want := entry(l.Person)
		if want.Time = want.Time.UTC(); l != want {
			t.Fatalf("got entry %+v, want %+v", l, want)
		}
	}
	if want := 3 * writers * lines; len(seen) != want {
		t.Errorf("got %d different entries, want %d", len(seen), want)
	}
}

func TestReopenContinuesInNewFile(t *testing.T) {
	log, path := openTestLog(t)
	for i := range 3 {
		must(t, log.Write(entry(fmt.Sprint("P-", i))))
		must(t, os.Rename(path, fmt.Sprint(path, ".", i)))
		must(t, log.Write(entry("still-old")))
		must(t, log.Reopen())
	}
	for i := range 3 {
		if got := contents(t, fmt.Sprint(path, ".", i)); strings.Count(got, "\n") != 2 || !strings.Contains(got, fmt.Sprint("P-", i)) || !strings.Contains(got, "still-old") {
			t.Errorf("renamed log %d: got\n%s", i, got)
		}
	}
	if got := contents(t, path); got != "" {
		t.Errorf("new log: got\n%s\nwant it empty", got)
	}
}

func TestFailedReopenKeepsOldFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	must(t, os.Mkdir(dir, 0o700))
	log, err := Open(filepath.Join(dir, "access.log"))
	must(t, err)
	must(t, os.Rename(dir, dir+".old"))
	if err := log.Reopen(); err == nil {
		t.Error("Reopen in a missing folder: got no error")
	}
	must(t, log.Write(entry("P-1")))
	if got := contents(t, filepath.Join(dir+".old", "access.log")); strings.Count(got, "\n") != 1 {
		t.Errorf("old log: got\n%s\nwant one line", got)
	}
	must(t, log.Close())
	if log.Close() != nil || log.Write(entry("P-1")) == nil || log.Reopen() == nil {
		t.Error("closed log: want no error from Close, and errors from Write and Reopen")
	}
}

func TestUnwritableLogIsAnError(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none", "access.log")); err == nil {
		t.Error("Open in a missing folder: got no error")
	}
	full, err := Open("/dev/full")
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	if err := full.Write(entry("P-1")); err == nil {
		t.Error("Write on a full disk: got no error")
	}
}

// TestLineAfterTornLineIsWhole checks that a line that a full disk cut off does not damage
// the next one.
func TestLineAfterTornLineIsWhole(t *testing.T) {
	log, path := openTestLog(t)
	if _, err := log.file.WriteString(`{"time":"2026-`); err != nil {
		t.Fatal(err)
	}
	log.torn = true
	for range 2 {
		must(t, log.Write(entry("P-1")))
	}
	got := strings.SplitAfter(contents(t, path), "\n")
	if len(got) != 4 || got[1] != got[2] || !json.Valid([]byte(got[1])) {
		t.Errorf("got log %q, want the torn line and two whole ones", got)
	}
}
