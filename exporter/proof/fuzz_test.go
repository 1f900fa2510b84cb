package proof

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"testing"
)

// FuzzFiles replaces a file of a bundle and adjusts the manifest. Verify must not
// panic, and may accept only the original content, or changes after the signed head.
func FuzzFiles(f *testing.F) {
	var folders []string
	for i, name := range []string{"absent", "the one row of a book", "records of an empty book", "whole of an empty book"} {
		folders = append(folders, cachedBundle(f, name))
		for _, file := range fileNames(f, folders[i]) {
			if file != workbookFile {
				f.Add(byte(i), file, readFile(f, folders[i], file))
			}
		}
	}
	f.Fuzz(func(t *testing.T, n byte, name string, text []byte) {
		folder := folders[int(n)%len(folders)]
		if name == workbookFile || !slices.Contains(fileNames(t, folder), name) {
			t.Skip()
		}
		honest := readFile(t, folder, name)
		to := copyBundle(t, folder)
		replaceFile(t, filepath.Join(to, name), text)
		if name != manifestFile {
			to = tamper(t, folder, map[string][]byte{name: text})
		}
		err := verifyError(to)
		allowed := bytes.Equal(text, honest)
		switch {
		case name == rowFile && bytes.Contains(text, []byte("absent_between")):
			allowed = allowed || err == nil // another row is absent too
		case name == journalFile: // the records after the signature may differ
			allowed = allowed || err == nil && bytes.HasPrefix(text, joinLines(splitLines(honest)[:sizeOfHead(t, folder, headFile)+1]...))
		}
		if (err == nil) != allowed {
			t.Errorf("%s: got error %v, want success: %v", name, err, allowed)
		}
	})
}

// FuzzCompareBook checks that no input makes CompareBook panic, and that it accepts only
// the workbook that the exporter writes.
func FuzzCompareBook(f *testing.F) {
	b := sampleLedger().books[oneRowAgent]
	workbook := workbookOf(f, b)
	f.Add(workbook)
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := CompareBook(context.Background(), text, b); err == nil && !bytes.Equal(text, workbook) {
			t.Error("got no error for a workbook with other bytes")
		}
	})
}
