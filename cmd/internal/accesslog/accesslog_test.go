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

// writerPath, when it is set, makes the test program write to that log instead
// of testing, as another program would.
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

// writeMany writes from several goroutines.
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

func open1(t *testing.T) (*Log, string) {
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

func TestALookIsOneLine(t *testing.T) {
	log, path := open1(t)
	for _, e := range []Entry{entry("P-1"), {Time: noon, Person: "P-2", What: "agents", Agency: "G-1"}} {
		must(t, log.Write(e))
	}
	const want = `{"time":"2026-11-20T20:00:00.000000005Z","person":"P-1","role":"agent","what":"case","agent":"A-1","case":"5000032500","via":"portal","address":"192.0.2.7"}
{"time":"2026-11-20T20:00:00.000000005Z","person":"P-2","what":"agents","agency":"G-1"}
`
	if got := contents(t, path); got != want {
		t.Errorf("the log holds\n%swant\n%s", got, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v (%v)", info.Mode(), err)
	}
}

func TestALookThatCannotBeAccountedForIsRefused(t *testing.T) {
	log, path := open1(t)
	for _, e := range []Entry{{Person: "P-1", What: "case"}, {Time: noon, What: "case"}, {Time: noon, Person: "P-1"}} {
		if err := log.Write(e); err == nil {
			t.Errorf("%+v was written", e)
		}
	}
	if got := contents(t, path); got != "" {
		t.Errorf("the log holds %q", got)
	}
}

// checkLine holds a line against the entry that it was made from.
func checkLine(t *testing.T, text []byte, e Entry) {
	t.Helper()
	body, ended := bytes.CutSuffix(text, []byte("\n"))
	if !ended || !utf8.Valid(body) || len(body) > 9*(12*maxValueLength+20) {
		t.Fatalf("the line is %d bytes long, ended: %v", len(text), ended)
	}
	for _, r := range string(body) {
		if !unicode.IsPrint(r) {
			t.Fatalf("%q holds %U", body, r)
		}
	}
	var back Entry
	if err := json.Unmarshal(body, &back); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	if len(back.Case) > 0 && !strings.HasPrefix(string([]rune(e.Case)), back.Case) || utf8.RuneCountInString(back.Case) != min(maxValueLength, len([]rune(e.Case))) {
		t.Fatalf("the case %q came back as %q", e.Case, back.Case)
	}
}

var hostile = []string{
	"\n{\"person\":\"nobody\"}\n", "\"},{\"", "\r\x00\x1b[2J\u0085\u2028\u2029\u009b31m", "\u202egnissim\u200b", "\xff\xfe\x80 half \xe2\x82",
	strings.Repeat("x", 1<<20), strings.Repeat("é", 99) + "\xf0\x9f", strings.Repeat("\U000e0001", 500), "<script>&", "José \U0001f600", "\ufffd\ufeff", "\x7f",
}

// FuzzLine holds that a hostile value neither breaks a line nor makes it huge.
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

func TestLinesOfManyProgramsStayWhole(t *testing.T) {
	_, path := open1(t)
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
			t.Fatalf("a line is %+v", l)
		}
	}
	if want := 3 * writers * lines; len(seen) != want {
		t.Errorf("%d lines are there, want %d", len(seen), want)
	}
}

func TestReopenGoesOnInANewFile(t *testing.T) {
	log, path := open1(t)
	for i := range 3 {
		must(t, log.Write(entry(fmt.Sprint("P-", i))))
		must(t, os.Rename(path, fmt.Sprint(path, ".", i)))
		must(t, log.Write(entry("still-old")))
		must(t, log.Reopen())
	}
	for i := range 3 {
		if got := contents(t, fmt.Sprint(path, ".", i)); strings.Count(got, "\n") != 2 || !strings.Contains(got, fmt.Sprint("P-", i)) || !strings.Contains(got, "still-old") {
			t.Errorf("the renamed log %d holds\n%s", i, got)
		}
	}
	if got := contents(t, path); got != "" {
		t.Errorf("the new log holds\n%s", got)
	}
}

func TestAFailedReopenKeepsTheOldFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	must(t, os.Mkdir(dir, 0o700))
	log, err := Open(filepath.Join(dir, "access.log"))
	must(t, err)
	must(t, os.Rename(dir, dir+".old"))
	if err := log.Reopen(); err == nil {
		t.Error("a log was reopened in a folder that is not there")
	}
	must(t, log.Write(entry("P-1")))
	if got := contents(t, filepath.Join(dir+".old", "access.log")); strings.Count(got, "\n") != 1 {
		t.Errorf("the old log holds\n%s", got)
	}
	must(t, log.Close())
	if log.Close() != nil || log.Write(entry("P-1")) == nil || log.Reopen() == nil {
		t.Error("a closed log can be closed again, and nothing else")
	}
}

func TestAnUnwritableLogIsAnError(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none", "access.log")); err == nil {
		t.Error("a log was opened in a folder that is not there")
	}
	full, err := Open("/dev/full")
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	if err := full.Write(entry("P-1")); err == nil {
		t.Error("a line was written where there is no space")
	}
}

// A line that was cut off by a full disk must not take the next one with it.
func TestALineAfterATornOneIsWhole(t *testing.T) {
	log, path := open1(t)
	if _, err := log.file.WriteString(`{"time":"2026-`); err != nil {
		t.Fatal(err)
	}
	log.torn = true
	for range 2 {
		must(t, log.Write(entry("P-1")))
	}
	got := strings.SplitAfter(contents(t, path), "\n")
	if len(got) != 4 || got[1] != got[2] || !json.Valid([]byte(got[1])) {
		t.Errorf("the log holds %q", got)
	}
}
