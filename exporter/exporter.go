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

	"bookledger/projections/book"
	"bookledger/schemas"
)

// Version is the exporter's version. The bytes of a workbook are promised for
// one version: what would change them for any book makes a new one.
const Version = "1"

// The sheets of a workbook, in their order.
const (
	Sheet      = "Book of Business"
	AboutSheet = "About"
)

// MaxRows is how many rows a workbook holds at most: those of an Excel sheet,
// less the header.
const MaxRows = 1<<20 - 1

// ErrTooManyRows is of a book with more than MaxRows rows.
var ErrTooManyRows = errors.New("more rows than an Excel sheet holds")

// Exporter makes workbooks of one column set. It can be used by several
// goroutines at once.
type Exporter struct {
	set     schemas.Columns
	columns []column
}

// New makes an exporter of a column set. It fails where the set names a field
// that books do not have, or cannot be the header of an Excel table.
func New(set schemas.Columns) (*Exporter, error) {
	columns, err := newColumns(set.Columns)
	if err != nil {
		return nil, fmt.Errorf("column set %q: %w", set.Version, err)
	}
	return &Exporter{set: set, columns: columns}, nil
}

// Result is what became of a book.
type Result struct {
	Rows   int    // rows of the book, the header not counted
	Bytes  int64  // written
	SHA256 string // of all that was written, in lower-case hex
}

// Write writes the workbook of a book. An error, that of a cancelled ctx too,
// leaves an incomplete file with w, which is the caller's to discard;
// ErrTooManyRows comes before anything is written.
func (e *Exporter) Write(ctx context.Context, w io.Writer, b *book.Book) (Result, error) {
	out := &output{ctx: ctx, w: w, sum: sha256.New()}
	if err := e.write(ctx, out, b); err != nil {
		return Result{}, fmt.Errorf("writing the workbook of %s, Friday %s: %w", owner(b), b.Friday, err)
	}
	return Result{Rows: len(b.Rows), Bytes: out.n, SHA256: hex.EncodeToString(out.sum.Sum(nil))}, nil
}

func (e *Exporter) write(ctx context.Context, out io.Writer, b *book.Book) error {
	switch {
	case len(b.Rows) > MaxRows:
		return fmt.Errorf("%d rows: %w (%d)", len(b.Rows), ErrTooManyRows, MaxRows)
	case b.Zone == nil:
		return errors.New("the book has no zone")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := e.newFrame(b)
	if err != nil {
		return fmt.Errorf("making its frame: %w", err)
	}
	rows := map[string]func(io.Writer) error{
		f.book:  func(w io.Writer) error { return e.writeRows(ctx, w, b.Rows, f.styles) },
		f.about: func(w io.Writer) error { return writeLines(w, f.lines) },
	}
	a, err := newArchive(out)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(f.parts)) { // [Content_Types].xml comes first, as readers like it
		part, err := a.create(name)
		if err != nil {
			return err
		}
		if err := fill(part, f.parts[name].Bytes(), rows[name]); err != nil {
			return fmt.Errorf("part %s: %w", name, err)
		}
	}
	return a.close()
}

// fill writes a part of the workbook: a sheet with its rows behind those that
// it has, anything else as it is.
func fill(w io.Writer, frame []byte, rows func(io.Writer) error) error {
	if rows == nil {
		_, err := w.Write(frame)
		return err
	}
	end := []byte("</sheetData>")
	head, tail, found := bytes.Cut(frame, end)
	if !found {
		return errors.New("the sheet has no place for rows")
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	if err := rows(w); err != nil {
		return err
	}
	_, err := w.Write(append(end, tail...))
	return err
}

// FileName returns the name of a book's workbook, which tells whose it is by
// the id of agent or agency and as of which Friday, and nothing of anybody.
func FileName(b *book.Book) string {
	kind := ""
	if b.AgentID == "" {
		kind = "agency-" // an agent may have the same id
	}
	return fmt.Sprintf("book-of-business_%s%s_%s.xlsx", kind, ownerID(b), b.Friday)
}

// owner names whose book it is, for messages and document properties.
func owner(b *book.Book) string {
	if b.AgentID != "" {
		return "agent " + b.AgentID
	}
	return "agency " + b.AgencyID
}

func ownerID(b *book.Book) string { return cmp.Or(b.AgentID, b.AgencyID) }

// newColumns resolves the fields of the columns.
func newColumns(set []schemas.Column) ([]column, error) {
	if len(set) == 0 {
		return nil, errors.New("it has no columns")
	}
	columns := make([]column, len(set))
	headers := make(map[string]bool)
	shade := 0
	for i, c := range set {
		field, ok := book.FieldByName(c.Field)
		if !ok {
			return nil, fmt.Errorf("column %q: books have no field %q", c.Header, c.Field)
		}
		kind, ok := kinds[c.Kind]
		if !ok {
			return nil, fmt.Errorf("column %q: unknown kind %q", c.Header, c.Kind)
		}
		if key := strings.ToLower(c.Header); c.Header == "" || headers[key] {
			return nil, fmt.Errorf("column %d: its header %q is blank or, but for case, that of another", i+1, c.Header)
		} else {
			headers[key] = true
		}
		if i > 0 && c.Group != set[i-1].Group {
			shade = 1 - shade
		}
		columns[i] = column{Column: c, letters: letters(i + 1), field: field, kind: kind, shade: shade}
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

// output counts and hashes what is written, and stops when ctx is done.
type output struct {
	ctx context.Context
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (o *output) Write(p []byte) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := o.w.Write(p)
	o.sum.Write(p[:n])
	o.n += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}
