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

// ErrTooManyRows is returned for a book with more than MaxRows rows.
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

// Current returns the exporter of the column set that books have.
var Current = sync.OnceValue(func() *Exporter {
	e, err := New(schemas.CurrentColumns())
	if err != nil {
		panic(err) // the set is embedded, and every test of a workbook makes it
	}
	return e
})

// Result describes the workbook that was written.
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
	a, err := newArchive(out)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(f.parts)) { // [Content_Types].xml comes first, as readers like it
		part, err := a.create(name)
		if err != nil {
			return err
		}
		head, tail := f.parts[name].Bytes(), []byte(nil)
		if name == bookPart || name == aboutPart { // the rows go behind those that the frame has
			end := bytes.Index(head, []byte("</sheetData>"))
			if end < 0 {
				return fmt.Errorf("part %s: the sheet has no place for rows", name)
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

// FileName returns the name of a book's workbook: the id of the agent or agency
// and the Friday, and no personal data.
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
	return n, err
}
