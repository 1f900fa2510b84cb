package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"bookledger/events"
	"bookledger/events/record"
)

// Kind is what a bundle is evidence of.
type Kind string

// The kinds of bundles.
const (
	Whole   Kind = "whole"   // a book, with the whole record, from which it is derived again
	Records Kind = "records" // a book, with the records that touch its cases
	Row     Kind = "row"     // that one row stands in a book, or does not
)

// formVersion is the version of the form of bundles. 1: the first.
const formVersion = 1

// The files of bundles. A bundle names none that is not here, so that no name
// in it is ever followed.
const (
	manifestFile = "bundle.json"
	readmeFile   = "README.txt"
	keyFile      = "key.txt"
	headFile     = "head.txt"
	sealFile     = "seal.ndjson"
	sealedFile   = "seal.tlog-proof"
	boundaryFile = "boundary-to-head.txt"
	beforeFile   = "head-before.txt"
	sinceFile    = "before-to-head.txt"
	placeFile    = "place.json"
	workbookFile = "book.xlsx"
	journalFile  = "journal.ndjson"
	recordsFile  = "records.ndjson"
	pathsFile    = "paths.ndjson"
	rowsFile     = "rows.ndjson"
	rowFile      = "row.json"
)

// statementFiles are the files of the statement, which every bundle has.
var statementFiles = []string{keyFile, headFile, sealFile, sealedFile, boundaryFile, beforeFile, sinceFile, placeFile}

// files returns the files of a bundle of that kind beside the manifest; the
// two of the head before are there only where there is one.
func (k Kind) files() []string {
	all := append([]string{readmeFile}, statementFiles...)
	switch k {
	case Whole:
		all = append(all, workbookFile, journalFile)
	case Records:
		all = append(all, workbookFile, recordsFile, pathsFile, rowsFile)
	case Row:
		all = append(all, recordsFile, pathsFile, rowFile)
	default:
		return nil
	}
	slices.Sort(all)
	return all
}

// Sizes in bytes that no honest file goes beyond.
const (
	MaxSmallFile = record.MaxLine // a key, a head, or a seal, which is a line of the record
	MaxWorkbook  = 1 << 30
)

// ErrMismatch is returned for evidence, or for a workbook, that does not verify.
// Its text names the first difference.
var ErrMismatch = errors.New("it does not verify")

func differs(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMismatch}, args...)...)
}

// manifest says what a bundle proves, and the hash of each file, so that every
// byte counts.
type manifest struct {
	Version  int         `json:"version"`
	Kind     Kind        `json:"kind"`
	LedgerID string      `json:"ledger_id"`
	Agent    string      `json:"agent"`
	Friday   events.Date `json:"friday"`
	Exporter string      `json:"exporter,omitempty"` // the version that made the workbook
	Files    []fileSum   `json:"files"`              // by name
}

type fileSum struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// encode writes a file of JSON as it stands in a bundle.
func encode(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // nothing that is written here can fail
	}
	return append(b, '\n')
}

// encodeLine writes a line of JSON as it stands in a bundle.
func encodeLine(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // as above
	}
	return append(b, '\n')
}

// decode reads what one of the two has written, in no other spelling.
func decode[T any](where string, text []byte, encode func(any) []byte) (v T, err error) {
	if err := json.Unmarshal(text, &v); err != nil {
		return v, differs("%s cannot be read: %v", where, err)
	}
	if !bytes.Equal(encode(v), text) {
		return v, differs("%s is written otherwise than it must be", where)
	}
	return v, nil
}

// bundle is a folder that is checked.
type bundle struct {
	manifest
	root    *os.Root
	damaged error // the first file that is not the one that the manifest names
}

// openBundle reads the manifest and accounts for every file. A file that is
// not as the manifest says is kept in mind only: what differs in it is named
// better by whoever looks into it.
func openBundle(folder string) (_ *bundle, err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("opening the bundle: %w", err)
	}
	b := &bundle{root: root}
	defer func() {
		if err != nil {
			_ = root.Close()
		}
	}()
	if info, err := root.Lstat(manifestFile); err == nil && !info.Mode().IsRegular() { // reading another may never end
		return nil, differs("%s is no plain file", manifestFile)
	}
	b.manifest, err = readAs[manifest](b, manifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, differs("%s is no bundle, for it holds no %s", folder, manifestFile)
	}
	if err != nil {
		return nil, err
	}
	if b.Version > formVersion {
		return nil, differs("%s says that the bundle's form is of version %d, and this release knows up to %d: use a newer release if the bundle is of one", manifestFile, b.Version, formVersion)
	}
	if b.Version != formVersion || b.Kind.files() == nil {
		return nil, differs("%s names the version %d and the kind %q, which there are not", manifestFile, b.Version, b.Kind)
	}
	return b, b.account()
}

// account compares the files that are there with those that the manifest
// names, and these with those that the kind has.
func (b *bundle) account() error {
	names := make([]string, len(b.Files))
	for i, f := range b.Files {
		names[i] = f.Name
	}
	var wanted []string
	for _, name := range b.Kind.files() {
		if (name == beforeFile || name == sinceFile) && !slices.Contains(names, beforeFile) {
			continue
		}
		wanted = append(wanted, name)
	}
	if !slices.Equal(names, wanted) {
		return differs("%s names the files %q, and a bundle of the kind %s has %q", manifestFile, names, b.Kind, wanted)
	}
	folder, err := b.root.Open(".")
	if err != nil {
		return fmt.Errorf("reading the bundle: %w", err)
	}
	defer folder.Close()
	entries, err := folder.ReadDir(-1)
	if err != nil {
		return fmt.Errorf("reading the bundle: %w", err)
	}
	for _, e := range entries {
		if e.Name() != manifestFile && !slices.Contains(wanted, e.Name()) {
			return differs("the folder holds %q, which does not belong to the bundle", e.Name())
		}
		if !e.Type().IsRegular() {
			return differs("%s is no plain file", e.Name())
		}
	}
	for _, f := range b.Files {
		if err := b.sum(f); err != nil {
			return err
		}
	}
	return nil
}

// sum compares a file with what the manifest says of it. One that is missing
// ends a check at once.
func (b *bundle) sum(want fileSum) error {
	f, err := b.root.Open(want.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return differs("%s is missing", want.Name)
	}
	if err != nil {
		return fmt.Errorf("reading the bundle: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, want.Bytes+1))
	if err != nil {
		return fmt.Errorf("reading %s: %w", want.Name, err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if (sum != want.SHA256 || n != want.Bytes) && b.damaged == nil {
		b.damaged = differs("%s has %d bytes and the SHA-256 %s, and %s says %d and %s", want.Name, n, sum, manifestFile, want.Bytes, want.SHA256)
	}
	return nil
}

// read returns a file, none of which but the workbook is large.
func (b *bundle) read(name string) ([]byte, error) {
	limit := int64(MaxSmallFile)
	if name == workbookFile {
		limit = MaxWorkbook
	}
	f, err := b.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the bundle: %w", err)
	}
	defer f.Close()
	return readAtMost(f, name, limit)
}

// ReadFile reads a file that may come from anybody. One of more than limit bytes
// is ErrDiffers, and is not read to its end.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, path, limit)
}

func readAtMost(f *os.File, name string, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	size := info.Size() // of a device or a pipe it says nothing
	var text []byte
	if size <= limit {
		if text, err = io.ReadAll(io.LimitReader(f, limit+1)); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		size = int64(len(text))
	}
	if size > limit {
		return nil, differs("%s has more than %d bytes", name, limit)
	}
	return text, nil
}

// readAs reads a file of JSON.
func readAs[T any](b *bundle, name string) (v T, err error) {
	text, err := b.read(name)
	if err != nil {
		return v, err
	}
	return decode[T](name, text, encode)
}

// has reports whether the manifest names the file.
func (b *bundle) has(name string) bool {
	return slices.ContainsFunc(b.Files, func(f fileSum) bool { return f.Name == name })
}
