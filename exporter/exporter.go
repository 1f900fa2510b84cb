package exporter

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"bookledger/projections/book"
	"bookledger/schemas"
)

// Version is the exporter's version. Within one version, a book always has the same
// workbook bytes. A change that alters the bytes of any workbook raises Version.
const Version = "1"

// The sheets of a workbook, in their order.
const (
	Sheet      = "Book of Business"
	AboutSheet = "About"
)

// MaxRows is the maximum number of rows in a workbook: the rows of an Excel sheet
// minus the header.
const MaxRows = 1<<20 - 1

// ErrTooManyRows is returned for a book with more than MaxRows rows.
var ErrTooManyRows = errors.New("more rows than fit in an Excel sheet")

// Exporter writes workbooks with one column set. It is safe for concurrent use.
type Exporter struct {
	set     schemas.Columns
	columns []column
}

// New returns an exporter for a column set. It returns an error if the set names an
// unknown field or kind, or if its headers cannot be the header of an Excel table.
func New(set schemas.Columns) (*Exporter, error) {
	columns, err := newColumns(set.Columns)
	if err != nil {
		return nil, fmt.Errorf("column set %q: %w", set.Version, err)
	}
	return &Exporter{set: set, columns: columns}, nil
}

// Current returns the exporter for the current column set.
var Current = sync.OnceValue(func() *Exporter {
	e, err := New(schemas.CurrentColumns())
	if err != nil {
		panic(err) // the set is embedded and tested
	}
	return e
})

// Result describes a written workbook.
type Result struct {
	Rows   int    // rows of the book, without the header
	Bytes  int64  // size of the file
	SHA256 string // hash of the file in lower-case hex
}

// Write writes the workbook of a book to w. After an error, including a canceled
// ctx, w has received an incomplete file, which the caller must discard. Write
// returns ErrTooManyRows before it writes anything.
func (e *Exporter) Write(ctx context.Context, w io.Writer, b *book.Book) (Result, error) {
	out := &countingWriter{ctx: ctx, w: w, sum: sha256.New()}
	if err := e.write(ctx, out, b); err != nil {
		return Result{}, fmt.Errorf("writing the workbook of %s, %s: %w", ownerName(b), b.Friday, err)
	}
	return Result{Rows: len(b.Rows), Bytes: out.n, SHA256: hex.EncodeToString(out.sum.Sum(nil))}, nil
}

func (e *Exporter) write(ctx context.Context, out io.Writer, b *book.Book) error {
	switch {
	case len(b.Rows) > MaxRows:
		return fmt.Errorf("%w: %d rows, at most %d", ErrTooManyRows, len(b.Rows), MaxRows)
	case b.Zone == nil:
		return errors.New("the book has no time zone")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := e.newFrame(b)
	if err != nil {
		return fmt.Errorf("creating the workbook frame: %w", err)
	}
	a, err := newArchive(out)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(f.parts)) { // puts [Content_Types].xml first, as readers expect
		part, err := a.create(name)
		if err != nil {
			return err
		}
		head, tail := f.parts[name].Bytes(), []byte(nil)
		if name == bookPart || name == aboutPart { // insert the rows after those of the frame
			end := bytes.Index(head, []byte("</sheetData>"))
			if end < 0 {
				return fmt.Errorf("part %s: no </sheetData> element", name)
			}
			head, tail = head[:end], head[end:]
		}
		_, err = part.Write(head)
		switch {
		case err == nil && name == bookPart:
			err = e.writeRows(ctx, part, b.Rows, f.styles)
		case err == nil && name == aboutPart:
			err = writeLines(part, f.lines)
		}
		if err == nil {
			_, err = part.Write(tail)
		}
		if err != nil {
			return fmt.Errorf("part %s: %w", name, err)
		}
	}
	return a.Close()
}

// FileName returns the file name for the workbook of a book. It consists of the id
// of the agent or agency and the Friday, and contains no personal data.
func FileName(b *book.Book) string {
	kind := ""
	if b.AgentID == "" {
		kind = "agency-" // an agent may have the same id
	}
	return fmt.Sprintf("book-of-business_%s%s_%s.xlsx", kind, ownerID(b), b.Friday)
}

// ownerName returns the kind and id of a book's owner for messages and document
// properties.
func ownerName(b *book.Book) string {
	if b.AgentID != "" {
		return "agent " + b.AgentID
	}
	return "agency " + b.AgencyID
}

func ownerID(b *book.Book) string { return cmp.Or(b.AgentID, b.AgencyID) }

// newColumns resolves the fields of the columns.
func newColumns(set []schemas.Column) ([]column, error) {
	if len(set) == 0 {
		return nil, errors.New("no columns")
	}
	columns := make([]column, len(set))
	headers := make(map[string]bool)
	shade := 0
	for i, c := range set {
		field, ok := book.FieldByName(c.Field)
		if !ok {
			return nil, fmt.Errorf("column %q: unknown field %q", c.Header, c.Field)
		}
		kind, ok := kinds[c.Kind]
		if !ok {
			return nil, fmt.Errorf("column %q: unknown kind %q", c.Header, c.Kind)
		}
		if key := strings.ToLower(c.Header); c.Header == "" || headers[key] {
			return nil, fmt.Errorf("column %d: header %q is blank or differs from another header only by case", i+1, c.Header)
		} else {
			headers[key] = true
		}
		if i > 0 && c.Group != set[i-1].Group {
			shade = 1 - shade
		}
		columns[i] = column{Column: c, letters: columnLetters(i + 1), field: field, kind: kind, shade: shade}
	}
	return columns, nil
}

var kinds = map[string]book.Kind{
	schemas.KindText:  book.Text,
	schemas.KindDate:  book.Date,
	schemas.KindMoney: book.Money,
	schemas.KindYear:  book.Year,
	schemas.KindYesNo: book.Text,
}

// countingWriter counts and hashes the bytes written. It returns an error once ctx
// is done.
type countingWriter struct {
	ctx context.Context
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (o *countingWriter) Write(p []byte) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := o.w.Write(p)
	o.sum.Write(p[:n])
	o.n += int64(n)
	return n, err
}
