package exporter_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"bookledger/exporter"
	"bookledger/projections/book"
	"bookledger/schemas"
)

func hashOf(tb testing.TB, e *exporter.Exporter, b *book.Book) string {
	tb.Helper()
	result, err := e.Write(context.Background(), io.Discard, b)
	if err != nil {
		tb.Fatal(err)
	}
	return result.SHA256
}

func TestResultDescribesOutput(t *testing.T) {
	b := sample(100).book()
	var w bytes.Buffer
	result, err := exporter.Current().Write(context.Background(), &w, b)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(w.Bytes())
	if result.Rows != 201 || result.Bytes != int64(w.Len()) || result.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("got result %+v for %d bytes", result, w.Len())
	}
}

// TestConcurrentWritesAreIdentical writes one book repeatedly with new and used
// exporters and from several goroutines at once.
func TestConcurrentWritesAreIdentical(t *testing.T) {
	used := exporter.Current()
	want := hashOf(t, used, sample(300).book())
	hashOf(t, used, cases{}.book())
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			other, err := exporter.New(schemas.CurrentColumns())
			if err != nil {
				t.Error(err)
				return
			}
			for _, e := range []*exporter.Exporter{used, other, used} {
				if got := hashOf(t, e, sample(300).book()); got != want {
					t.Errorf("got hash %s, want %s", got, want)
				}
			}
		})
	}
	group.Wait()
}

const childVariable = "BOOKLEDGER_PRINT_HASH"

// TestBytesDoNotDependOnEnvironment runs itself in processes with other time zones,
// locales and settings of the Go runtime.
func TestBytesDoNotDependOnEnvironment(t *testing.T) {
	hash := hashOf(t, exporter.Current(), sample(300).book())
	if os.Getenv(childVariable) != "" {
		fmt.Println("hash", hash)
		return
	}
	for _, environment := range [][]string{
		{"TZ=UTC"}, {"TZ=Asia/Kolkata", "GOMAXPROCS=1"}, {"TZ=America/New_York", "GOMAXPROCS=7", "LANG=de_DE.UTF-8"}, {"GOGC=1"},
	} {
		child := exec.Command(os.Args[0], "-test.run=^TestBytesDoNotDependOnEnvironment$")
		child.Env = append(append(os.Environ(), childVariable+"=1"), environment...)
		out, err := child.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if !strings.Contains(string(out), "hash "+hash+"\n") {
			t.Errorf("with %v: got %s, want hash %s", environment, out, hash)
		}
	}
}

// writerFunc is a function that implements io.Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// noTempFiles sets up an empty folder for temporary files. The function check fails the
// test if the folder contains files.
func noTempFiles(t *testing.T) (check func()) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return func() {
		t.Helper()
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
			t.Errorf("got temporary files %v (%v), want none", entries, err)
		}
	}
}

// TestNoTemporaryFiles checks for temporary files during every write. The sheet is over
// 16 MB, the size from which excelize would use one.
func TestNoTemporaryFiles(t *testing.T) {
	check := noTempFiles(t)
	b := sample(4000).book()
	_, err := exporter.Current().Write(context.Background(), writerFunc(func(p []byte) (int, error) {
		check()
		return len(p), nil
	}), b)
	if err != nil {
		t.Fatal(err)
	}
}

// countingContext is canceled from the n-th call of Err on.
type countingContext struct {
	context.Context
	calls, n int
}

func (c *countingContext) Err() error {
	if c.calls++; c.calls >= c.n {
		return context.Canceled
	}
	return nil
}

// TestStopsWhenCancelled checks that Write checks the context every few rows, not only
// when it writes, and writes nothing once the context is canceled.
func TestStopsWhenCancelled(t *testing.T) {
	check := noTempFiles(t)
	b := sample(1000).book()
	all := &countingContext{Context: context.Background(), n: 1 << 30}
	if _, err := exporter.Current().Write(all, io.Discard, b); err != nil || all.calls < len(b.Rows)/20 {
		t.Fatalf("got %d calls of Err for %d rows (%v)", all.calls, len(b.Rows), err)
	}
	for n := 1; n <= all.calls; n += all.calls / 7 {
		c := &countingContext{Context: context.Background(), n: n}
		_, err := exporter.Current().Write(c, writerFunc(func(p []byte) (int, error) {
			if c.calls >= n {
				t.Errorf("canceled at call %d of %d: wrote %d bytes afterwards", n, all.calls, len(p))
			}
			return len(p), nil
		}), b)
		if !errors.Is(err, context.Canceled) || c.calls > n+2 {
			t.Errorf("canceled at call %d of %d: got %v after %d calls", n, all.calls, err, c.calls)
		}
	}
	check()
}

func TestReturnsWriterErrors(t *testing.T) {
	check := noTempFiles(t)
	errFull := errors.New("disk full")
	b := sample(100).book()
	e := exporter.Current()
	size := len(write(t, b))
	for room := 0; room < size; room += size/40 + 1 {
		left, calls := room, 0
		_, err := e.Write(context.Background(), writerFunc(func(p []byte) (int, error) {
			if len(p) <= left {
				left -= len(p)
				return len(p), nil
			}
			calls++
			return left, errFull
		}), b)
		if !errors.Is(err, errFull) || calls != 1 {
			t.Errorf("with space for %d of %d bytes: got %v, %d failing calls", room, size, err, calls)
		}
	}
	_, err := e.Write(context.Background(), writerFunc(func(p []byte) (int, error) { return len(p) / 2, nil }), b)
	if !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("short write: got %v, want %v", err, io.ErrShortWrite)
	}
	check()
}

func TestTooManyRows(t *testing.T) {
	b := sample(0).book()
	b.Rows = make([]book.Row, exporter.MaxRows+1)
	_, err := exporter.Current().Write(context.Background(), writerFunc(func(p []byte) (int, error) {
		t.Error("wrote bytes, want none")
		return len(p), nil
	}), b)
	if !errors.Is(err, exporter.ErrTooManyRows) || !strings.Contains(err.Error(), "1048576 rows") || !strings.Contains(err.Error(), agentID) {
		t.Errorf("got error %v", err)
	}
}

func TestNewRejectsBadColumnSets(t *testing.T) {
	good := schemas.Column{Header: "Case ID", Field: "case.id", Kind: "text", Width: 10, Group: "Case", Legend: "A case."}
	other := func(change func(*schemas.Column)) schemas.Column {
		c := good
		c.Header, c.Field = "Program", "eligibility.program"
		change(&c)
		return c
	}
	for want, columns := range map[string][]schemas.Column{
		"no columns":                   nil,
		`unknown field "case.nothing"`: {good, other(func(c *schemas.Column) { c.Field = "case.nothing" })},
		`unknown kind "color"`:         {good, other(func(c *schemas.Column) { c.Kind = "color" })},
		"only by case":                 {good, other(func(c *schemas.Column) { c.Header = "CASE ID" })},
		"is blank":                     {other(func(c *schemas.Column) { c.Header = "" })},
	} {
		if _, err := exporter.New(schemas.Columns{Version: "9", Title: "T", Columns: columns}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}

// TestRejectsValueOfWrongKind uses a column set that declares a text field as money.
func TestRejectsValueOfWrongKind(t *testing.T) {
	set := schemas.Columns{Version: "9", Title: "T", Columns: []schemas.Column{
		{Header: "Case ID", Field: "case.id", Kind: "money", Width: 10, Group: "Case", Legend: "A case."},
	}}
	e, err := exporter.New(set)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Write(context.Background(), io.Discard, sample(0).book())
	if err == nil || !strings.Contains(err.Error(), "cell A2 (Case ID)") || strings.Contains(err.Error(), "5000032500") {
		t.Errorf("got error %v", err)
	}
}
