package proof

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"testing"
)

// FuzzFiles puts anything in the place of a file of a bundle, and makes the
// manifest fit: nothing breaks the check, and nothing but what stood there
// passes it, or what ends differently after the head.
func FuzzFiles(f *testing.F) {
	var folders []string
	for i, name := range []string{"absent", "the one row of a book", "records of an empty book", "whole of an empty book"} {
		folders = append(folders, bundleOf(f, name))
		for _, file := range names(f, folders[i]) {
			if file != workbookFile {
				f.Add(byte(i), file, read(f, folders[i], file))
			}
		}
	}
	f.Fuzz(func(t *testing.T, n byte, name string, text []byte) {
		folder := folders[int(n)%len(folders)]
		if name == workbookFile || !slices.Contains(names(t, folder), name) {
			t.Skip()
		}
		honest := read(t, folder, name)
		to := copied(t, folder)
		write(t, filepath.Join(to, name), text)
		if name != manifestFile {
			to = tampered(t, folder, map[string][]byte{name: text})
		}
		err := verifies(to)
		may := bytes.Equal(text, honest)
		switch {
		case name == rowFile && bytes.Contains(text, []byte("absent_between")):
			may = may || err == nil // another row is absent too
		case name == journalFile: // up to the record of the signature
			may = may || err == nil && bytes.HasPrefix(text, joined(linesOf(honest)[:headSize(t, folder, headFile)+1]...))
		}
		if (err == nil) != may {
			t.Errorf("%s: %v", name, err)
		}
	})
}

// FuzzCompareBook holds that no workbook breaks the comparison, and that none
// but the record's own is found to be it.
func FuzzCompareBook(f *testing.F) {
	b := sample().books[oneID]
	workbook := workbookOf(f, b)
	f.Add(workbook)
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := CompareBook(context.Background(), text, b); err == nil && !bytes.Equal(text, workbook) {
			t.Error("it is found to be the record's own")
		}
	})
}
