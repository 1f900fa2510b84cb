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

func TestResult(t *testing.T) {
	b := sample(100).book()
	var w bytes.Buffer
	result, err := exporter.Current().Write(context.Background(), &w, b)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(w.Bytes())
	if result.Rows != 201 || result.Bytes != int64(w.Len()) || result.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("result is %+v of %d bytes", result, w.Len())
	}
}

// TestSameBytes writes one book many times, from new and from used exporters,
// and from several goroutines at once.
func TestSameBytes(t *testing.T) {
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
					t.Errorf("hash %s, then %s", want, got)
				}
			}
		})
	}
	group.Wait()
}

const childVariable = "BOOKLEDGER_PRINT_HASH"

// TestSameBytesInAnotherProcess runs this test again, elsewhere on the globe.
func TestSameBytesInAnotherProcess(t *testing.T) {
	hash := hashOf(t, exporter.Current(), sample(300).book())
	if os.Getenv(childVariable) != "" {
		fmt.Println("hash", hash)
		return
	}
	for _, environment := range [][]string{
		{"TZ=UTC"}, {"TZ=Asia/Kolkata", "GOMAXPROCS=1"}, {"TZ=America/New_York", "GOMAXPROCS=7", "LANG=de_DE.UTF-8"}, {"GOGC=1"},
	} {
		child := exec.Command(os.Args[0], "-test.run=^TestSameBytesInAnotherProcess$")
		child.Env = append(append(os.Environ(), childVariable+"=1"), environment...)
		out, err := child.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if !strings.Contains(string(out), "hash "+hash+"\n") {
			t.Errorf("with %v: %s, want %s", environment, out, hash)
		}
	}
}

// writerFunc is a writer that is a function.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// noTempFiles gives the test an empty folder for temporary files; check fails
// it if anything stands there.
func noTempFiles(t *testing.T) (check func()) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return func() {
		t.Helper()
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
			t.Errorf("temporary files: %v, %v", entries, err)
		}
	}
}

// TestNoTemporaryFiles looks again at every write of a book whose sheet is
// over 16 MB, from where on excelize would use one.
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

// counted is a context that is done from the n-th look at it on.
type counted struct {
	context.Context
	looks, n int
}

func (c *counted) Err() error {
	if c.looks++; c.looks >= c.n {
		return context.Canceled
	}
	return nil
}

// TestCancelled holds that a context is looked at every few rows, not only when
// something is written, and that nothing is written once it is done.
func TestCancelled(t *testing.T) {
	check := noTempFiles(t)
	b := sample(1000).book()
	all := &counted{Context: context.Background(), n: 1 << 30}
	if _, err := exporter.Current().Write(all, io.Discard, b); err != nil || all.looks < len(b.Rows)/20 {
		t.Fatalf("%d looks in %d rows: %v", all.looks, len(b.Rows), err)
	}
	for n := 1; n <= all.looks; n += all.looks / 7 {
		c := &counted{Context: context.Background(), n: n}
		_, err := exporter.Current().Write(c, writerFunc(func(p []byte) (int, error) {
			if c.looks >= n {
				t.Errorf("done at look %d of %d: %d bytes are written late", n, all.looks, len(p))
			}
			return len(p), nil
		}), b)
		if !errors.Is(err, context.Canceled) || c.looks > n+2 {
			t.Errorf("done at look %d of %d: %v after %d", n, all.looks, err, c.looks)
		}
	}
	check()
}

func TestFailingWriter(t *testing.T) {
	check := noTempFiles(t)
	full := errors.New("disk full")
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
			return left, full
		}), b)
		if !errors.Is(err, full) || calls != 1 {
			t.Errorf("with room for %d of %d bytes: %v, %d calls", room, size, err, calls)
		}
	}
	_, err := e.Write(context.Background(), writerFunc(func(p []byte) (int, error) { return len(p) / 2, nil }), b)
	if !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a short write gives %v", err)
	}
	check()
}

func TestTooManyRows(t *testing.T) {
	b := sample(0).book()
	b.Rows = make([]book.Row, exporter.MaxRows+1)
	_, err := exporter.Current().Write(context.Background(), writerFunc(func(p []byte) (int, error) {
		t.Error("something is written")
		return len(p), nil
	}), b)
	if !errors.Is(err, exporter.ErrTooManyRows) || !strings.Contains(err.Error(), "1048576 rows") || !strings.Contains(err.Error(), agentID) {
		t.Errorf("error is %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	good := schemas.Column{Header: "Case ID", Field: "case.id", Kind: "text", Width: 10, Group: "Case", Legend: "A case."}
	other := func(change func(*schemas.Column)) schemas.Column {
		c := good
		c.Header, c.Field = "Program", "eligibility.program"
		change(&c)
		return c
	}
	for want, columns := range map[string][]schemas.Column{
		"no columns":                         nil,
		`books have no field "case.nothing"`: {good, other(func(c *schemas.Column) { c.Field = "case.nothing" })},
		`unknown kind "color"`:               {good, other(func(c *schemas.Column) { c.Kind = "color" })},
		"that of another":                    {good, other(func(c *schemas.Column) { c.Header = "CASE ID" })},
		"is blank":                           {other(func(c *schemas.Column) { c.Header = "" })},
	} {
		if _, err := exporter.New(schemas.Columns{Version: "9", Title: "T", Columns: columns}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

// TestKindsMustAgree has a column set call text money.
func TestKindsMustAgree(t *testing.T) {
	set := schemas.Columns{Version: "9", Title: "T", Columns: []schemas.Column{
		{Header: "Case ID", Field: "case.id", Kind: "money", Width: 10, Group: "Case", Legend: "A case."},
	}}
	e, err := exporter.New(set)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Write(context.Background(), io.Discard, sample(0).book())
	if err == nil || !strings.Contains(err.Error(), "cell A2 (Case ID)") || strings.Contains(err.Error(), "5000032500") {
		t.Errorf("error is %v", err)
	}
}
