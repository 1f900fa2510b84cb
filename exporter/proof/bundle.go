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

// Kind is the kind of a bundle: what it proves and what it contains.
type Kind string

// The kinds of bundles.
const (
	Whole   Kind = "whole"   // a book and the whole journal, from which Verify derives the book again
	Records Kind = "records" // a book and the records about its cases
	Row     Kind = "row"     // one row of a book, or its absence; no workbook
)

// formatVersion is the version of the bundle format. Version 1 is the first.
const formatVersion = 1

// The names of all files that a bundle may contain. Verify opens no other name
// that a manifest lists.
const (
	manifestFile      = "bundle.json"
	readmeFile        = "README.txt"
	keyFile           = "key.txt"
	headFile          = "head.txt"
	sealFile          = "seal.ndjson"
	sealProofFile     = "seal.tlog-proof"
	boundaryProofFile = "boundary-to-head.txt"
	earlierHeadFile   = "head-before.txt"
	earlierProofFile  = "before-to-head.txt"
	agentProofFile    = "place.json"
	workbookFile      = "book.xlsx"
	journalFile       = "journal.ndjson"
	recordsFile       = "records.ndjson"
	pathsFile         = "paths.ndjson"
	rowsFile          = "rows.ndjson"
	rowFile           = "row.json"
)

// statementFiles are the files of the statement. Every bundle has them.
var statementFiles = []string{keyFile, headFile, sealFile, sealProofFile, boundaryProofFile, earlierHeadFile, earlierProofFile, agentProofFile}

// files returns the sorted names of the files in a bundle of this kind, without
// the manifest. It returns nil for an unknown kind. A bundle without an earlier
// head lacks earlierHeadFile and earlierProofFile.
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

// Size limits in bytes for files from untrusted sources.
const (
	MaxSmallFile = record.MaxLine // for a key, a signed tree head, or a seal (one line of a dump)
	MaxWorkbook  = 1 << 30
)

// ErrMismatch is returned for evidence or a workbook that does not verify. The
// error that wraps it names the first difference.
var ErrMismatch = errors.New("does not verify")

func mismatchf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMismatch}, args...)...)
}

// manifest describes a bundle and lists the size and hash of every other file.
type manifest struct {
	Version  int         `json:"version"`
	Kind     Kind        `json:"kind"`
	LedgerID string      `json:"ledger_id"`
	Agent    string      `json:"agent"`
	Friday   events.Date `json:"friday"`
	Exporter string      `json:"exporter,omitempty"` // version that wrote the workbook; blank if there is none
	Files    []fileEntry `json:"files"`              // sorted by name
}

type fileEntry struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// encode returns v in the only spelling that a JSON file of a bundle may have.
func encode(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // none of the types in a bundle can fail to encode
	}
	return append(b, '\n')
}

// encodeLine returns v in the only spelling that a JSON line of a bundle may have.
func encodeLine(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // see encode
	}
	return append(b, '\n')
}

// decode decodes text and refuses every spelling except that of encode, which is
// the function encode or encodeLine. Errors refer to the text as where.
func decode[T any](where string, text []byte, encode func(any) []byte) (v T, err error) {
	if err := json.Unmarshal(text, &v); err != nil {
		return v, mismatchf("%s cannot be read: %v", where, err)
	}
	if !bytes.Equal(encode(v), text) {
		return v, mismatchf("%s is not formatted as bookledger writes it", where)
	}
	return v, nil
}

// bundle is an open bundle that is being checked.
type bundle struct {
	manifest
	root    *os.Root
	damaged error // describes the first file whose size or hash differs from the manifest
}

// openBundle reads the manifest and checks the list of files. It stores the first
// wrong size or hash in damaged and does not return it: the later checks of the
// contents describe the difference better.
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
	if info, err := root.Lstat(manifestFile); err == nil && !info.Mode().IsRegular() { // reading a pipe may never end
		return nil, mismatchf("%s is not a regular file", manifestFile)
	}
	b.manifest, err = readAs[manifest](b, manifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, mismatchf("%s is not a bundle: it contains no %s", folder, manifestFile)
	}
	if err != nil {
		return nil, err
	}
	if b.Version > formatVersion {
		return nil, mismatchf("%s: the bundle has format version %d, and this release reads versions up to %d: use a newer release", manifestFile, b.Version, formatVersion)
	}
	if b.Version != formatVersion || b.Kind.files() == nil {
		return nil, mismatchf("%s: unknown format version %d or kind %q", manifestFile, b.Version, b.Kind)
	}
	return b, b.checkFiles()
}

// checkFiles checks that the manifest lists exactly the files of the bundle's
// kind, and that the folder contains exactly those files.
func (b *bundle) checkFiles() error {
	names := make([]string, len(b.Files))
	for i, f := range b.Files {
		names[i] = f.Name
	}
	var expected []string
	for _, name := range b.Kind.files() {
		if (name == earlierHeadFile || name == earlierProofFile) && !slices.Contains(names, earlierHeadFile) {
			continue
		}
		expected = append(expected, name)
	}
	if !slices.Equal(names, expected) {
		return mismatchf("%s lists the files %q; a bundle of kind %s must have %q", manifestFile, names, b.Kind, expected)
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
		if e.Name() != manifestFile && !slices.Contains(expected, e.Name()) {
			return mismatchf("the folder contains %q, which does not belong to the bundle", e.Name())
		}
		if !e.Type().IsRegular() {
			return mismatchf("%s is not a regular file", e.Name())
		}
	}
	for _, f := range b.Files {
		if err := b.checkFile(f); err != nil {
			return err
		}
	}
	return nil
}

// checkFile compares a file's size and hash with the manifest. It returns an error
// if the file is missing, and stores any other difference in damaged.
func (b *bundle) checkFile(want fileEntry) error {
	f, err := b.root.Open(want.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return mismatchf("%s is missing", want.Name)
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
		b.damaged = mismatchf("%s has %d bytes and SHA-256 %s; %s lists %d bytes and SHA-256 %s", want.Name, n, sum, manifestFile, want.Bytes, want.SHA256)
	}
	return nil
}

// read returns the contents of a file. Only the workbook may exceed MaxSmallFile.
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

// ReadFile reads a file from an untrusted source. It returns ErrMismatch, without
// reading to the end, if the file has more than limit bytes.
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
	size := info.Size() // meaningless for a device or a pipe
	var text []byte
	if size <= limit {
		if text, err = io.ReadAll(io.LimitReader(f, limit+1)); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		size = int64(len(text))
	}
	if size > limit {
		return nil, mismatchf("%s has more than %d bytes", name, limit)
	}
	return text, nil
}

// readAs reads and decodes a JSON file of the bundle.
func readAs[T any](b *bundle, name string) (v T, err error) {
	text, err := b.read(name)
	if err != nil {
		return v, err
	}
	return decode[T](name, text, encode)
}

// has reports whether the manifest lists the file.
func (b *bundle) has(name string) bool {
	return slices.ContainsFunc(b.Files, func(f fileEntry) bool { return f.Name == name })
}
