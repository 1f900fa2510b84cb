package proof_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"bookledger/exporter/proof"
)

// FuzzFiles puts anything in the place of a file of a bundle, and makes the
// manifest fit: nothing breaks the check, and nothing but what stood there
// passes it.
func FuzzFiles(f *testing.F) {
	l := sampleOf(f, ledgerID, private(1), 3)
	dump := l.dump()
	var folders []string
	for _, q := range []proof.Request{
		{Kind: proof.Row, Case: id(0), Member: "M9", Year: 2026}, {Kind: proof.Row, Agent: "A3", Case: id(900)}, {Kind: proof.Records, Agent: "A3"},
	} {
		folders = append(folders, bundle(f, dump, q))
	}
	for n, folder := range folders {
		for _, name := range names(f, folder) {
			f.Add(byte(n), name, read(f, filepath.Join(folder, name)))
		}
	}
	f.Fuzz(func(t *testing.T, n byte, name string, text []byte) {
		folder := folders[int(n)%len(folders)]
		if name == "bundle.json" || name == "README.txt" || name == "book.xlsx" || !bytes.Contains([]byte(joinedNames(t, folder)), []byte("\n"+name+"\n")) {
			t.Skip()
		}
		same := bytes.Equal(text, read(t, filepath.Join(folder, name)))
		to := tampered(t, folder, name, func([]byte) []byte { return text })
		err := verify(to)
		if another := name == "row.json" && bytes.Contains(text, []byte("absent_between")); another && err == nil {
			return // another row is absent too
		}
		if (err == nil) != same {
			t.Errorf("%s: %v", name, err)
		}
	})
}

func joinedNames(tb testing.TB, folder string) string {
	all := "\n"
	for _, name := range names(tb, folder) {
		all += name + "\n"
	}
	return all
}

// FuzzManifest puts anything in the place of a manifest.
func FuzzManifest(f *testing.F) {
	folder := bundle(f, sampleOf(f, ledgerID, private(1), 3).dump(), proof.Request{Kind: proof.Row, Agent: "A3", Case: id(900)})
	honest := read(f, filepath.Join(folder, "bundle.json"))
	f.Add(honest)
	f.Fuzz(func(t *testing.T, text []byte) {
		to := copied(t, folder)
		write(t, filepath.Join(to, "bundle.json"), text)
		if err := verify(to); (err == nil) != bytes.Equal(text, honest) {
			t.Error(err)
		}
	})
}

// FuzzDump puts anything in the place of a dump.
func FuzzDump(f *testing.F) {
	folder := bundle(f, sampleOf(f, ledgerID, private(1), 2).dump(), proof.Request{Agent: "A3"})
	honest := read(f, filepath.Join(folder, "journal.ndjson"))
	signed := joined(lines(honest)[:underHead(f, folder)+1]) // the record of the signature too
	f.Add(honest)
	f.Fuzz(func(t *testing.T, text []byte) {
		to := tampered(t, folder, "journal.ndjson", func([]byte) []byte { return text })
		if err := verify(to); err == nil && !bytes.HasPrefix(text, signed) {
			t.Error("it verifies")
		}
	})
}
