package proof

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bookledger/projections/checkpoint"
)

// change is how a test below changes a file.
type change func([]byte) []byte

// replaceText replaces the first occurrence of a text.
func replaceText(old, to string) change {
	return func(text []byte) []byte { return []byte(strings.Replace(string(text), old, to, 1)) }
}

// setTo replaces the whole file.
func setTo(text []byte) change { return func([]byte) []byte { return text } }

// editLines changes the lines of the file.
func editLines(f func([][]byte) [][]byte) change {
	return func(text []byte) []byte { return joinLines(f(splitLines(text))...) }
}

func swapLines(i, j int) change {
	return editLines(func(all [][]byte) [][]byte { all[i], all[j] = all[j], all[i]; return all })
}

func withoutLine(i int) change {
	return editLines(func(all [][]byte) [][]byte { return slices.Delete(all, i, i+1) })
}

func insertLine(i int, line func(all [][]byte) []byte) change {
	return editLines(func(all [][]byte) [][]byte { return slices.Insert(all, i, line(all)) })
}

// keepFirst removes all lines after the first n.
func keepFirst(n int) change {
	return editLines(func(all [][]byte) [][]byte { return all[:n] })
}

// inLastLine changes the last line only.
func inLastLine(c change) change {
	return editLines(func(all [][]byte) [][]byte { return append(all[:len(all)-1], c(all[len(all)-1])) })
}

// renumber makes a change and then numbers the records of the dump again.
func renumber(c change) change {
	return func(text []byte) []byte {
		all := splitLines(c(text))
		for i, line := range all {
			_, rest, _ := bytes.Cut(line, []byte(","))
			all[i] = append(fmt.Appendf(nil, `{"seq":%d,`, i+1), rest...)
		}
		return joinLines(all...)
	}
}

// TestRejectsTamperedFile changes a file of a bundle, with and without adjusting the
// manifest.
func TestRejectsTamperedFile(t *testing.T) {
	whole := cachedBundle(t, "whole")
	n, lines := sizeOfHead(t, whole, headFile), len(splitLines(readFile(t, whole, journalFile)))
	line := func(i int) func([][]byte) []byte { return func(all [][]byte) []byte { return all[i] } }
	blank := func([][]byte) []byte { return []byte("\n") }
	head, place := readFile(t, whole, headFile), readFile(t, cachedBundle(t, "the one row of a book"), agentProofFile)
	tooShort := fmt.Sprintf("ends with record %%d, and the head in head.txt covers %d", n)
	removeRecorded := func(text []byte) []byte {
		before, rest, _ := bytes.Cut(text, []byte(`,"recorded":"`))
		_, after, _ := bytes.Cut(rest, []byte(`"`))
		return slices.Concat(before, after)
	}
	for _, c := range []struct {
		bundle, name, file string
		change             change
		want               string // acceptable parts of the error, separated by |
	}{
		{"whole", "a line deleted", journalFile, withoutLine(20), "got record 22 after record 20"},
		{"whole", "deleted and renumbered", journalFile, renumber(withoutLine(20)), "forked|rewritten"},
		{"whole", "the first line deleted", journalFile, withoutLine(0), "record 2"},
		{"whole", "two lines swapped", journalFile, swapLines(20, 21), "record 22"},
		{"whole", "swapped and renumbered", journalFile, renumber(swapLines(20, 21)), "line 22|forked"},
		{"whole", "a line doubled", journalFile, insertLine(20, line(20)), "got record 21 after record 21"},
		{"whole", "inserted and renumbered", journalFile, renumber(insertLine(20, line(20))), "forked"},
		{"whole", "a blank line", journalFile, insertLine(20, blank), "line 21 is blank"},
		{"whole", "a blank line at the end", journalFile, insertLine(lines, blank), "blank lines follow"},
		{"whole", "the last newline removed", journalFile, inLastLine(replaceText("\n", "")), "cut off"},
		{"whole", "half a line", journalFile, inLastLine(func(text []byte) []byte { return text[:50] }), fmt.Sprintf("line %d", lines)},
		{"whole", "a space in a line", journalFile, replaceText(`,"stamped"`, `, "stamped"`), "line 1 is not what the ledger writes"},
		{"whole", "an unknown member in a line", journalFile, replaceText(`{"seq":1,`, `{"seq":1,"x":2,`), "line 1 is not what the ledger writes"},
		{"whole", "a line without its recorded time", journalFile, inLastLine(removeRecorded), fmt.Sprintf("line %d", lines)},
		{"whole", "Windows line endings", journalFile, func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")) }, "line 1"},
		{"whole", "cut off before the boundary", journalFile, keepFirst(30), fmt.Sprintf(tooShort, 30)},
		{"whole", "cut off before the seal", journalFile, keepFirst(n - 1), fmt.Sprintf(tooShort, n-1)},
		{"whole", "cut off before the signature", journalFile, keepFirst(n), fmt.Sprintf("ends with record %d, and lacks records from which seal.ndjson and head.txt were made", n)},
		{"whole", "nothing left", journalFile, keepFirst(0), fmt.Sprintf("contains no record, and the head in head.txt covers %d", n)},
		{"whole", "a line that is not a record", journalFile, insertLine(lines, func([][]byte) []byte { return []byte("{}\n") }), "line"},
		{"whole", "a line without an object", journalFile, insertLine(lines, func([][]byte) []byte { return []byte("17\n") }), "line"},
		{"whole", "the last record again", journalFile, insertLine(lines, line(lines-1)), "after record "},
		{"whole", "the header of history", journalFile, replaceText(`"header":"2026-11-01T00`, `"header":"2026-11-01T01`), "forked|rewritten|line"},
		{"whole", "another key in genesis", journalFile, replaceText(sealKey(1), sealKey(9)), "rewritten between record 1 and"},
		{"whole of the first Friday", "too short, without an earlier head", journalFile, keepFirst(30), "ends with record 30, and the head in head.txt covers"},

		{"records", "rows swapped", rowsFile, swapLines(0, 3), "cell"}, // the same root, but another order than the workbook
		{"records", "a row left out", rowsFile, withoutLine(2), "rows of"},
		{"records", "a row doubled", rowsFile, insertLine(2, line(1)), "rows of"},
		{"records", "a row replaced by another", rowsFile, editLines(func(all [][]byte) [][]byte { all[1] = all[0]; return all }), "a row twice|rows of"},
		{"records", "a value of a row", rowsFile, replaceText(`"value":"Active"`, `"value":"Inactive"`), "a row was changed"},
		{"records", "another record of the case", rowsFile, replaceText(`{"changed":`, `{"changed":1`), "which is not among the case's records"},
		{"records", "the record of another case", rowsFile, editLines(func(all [][]byte) [][]byte {
			_, values, _ := bytes.Cut(all[0], []byte(","))
			changed, _, _ := bytes.Cut(all[len(all)-1], []byte(","))
			all[0] = joinLines(changed, []byte(","), values)
			return all
		}), "which is not among the case's records"},
		{"records", "all rows left out", rowsFile, keepFirst(0), "0 rows"},
		{"records", "records swapped", recordsFile, swapLines(5, 6), "comes after|paths.ndjson"},
		{"records", "a record left out", recordsFile, withoutLine(5), pathsFile},
		{"records", "a path left out", pathsFile, withoutLine(5), pathsFile},
		{"records", "paths swapped", pathsFile, swapLines(5, 6), pathsFile},
		{"records", "genesis left out", recordsFile, withoutLine(0), "paths.ndjson|genesis"},
		{"records", "no records", recordsFile, keepFirst(0), "different numbers of lines"},
		{"records", "a record's event", recordsFile, replaceText(`"via":"conversion"`, `"via":"conversioN"`), "is not as it was recorded"},
		{"records", "a record's stamp", recordsFile, replaceText(`"stamped":"2026-11-02T16`, `"stamped":"2026-11-02T17`), "record 1 "},
		{"records", "a recorded time", recordsFile, replaceText(`,"subject"`, `,"recorded":"2026-11-02T16:00:00Z","subject"`), "line 1"},
		{"records", "the last newline removed", recordsFile, inLastLine(replaceText("\n", "")), "cut off"},
		{"records", "the key in genesis", recordsFile, replaceText(`"seal_key":"`, `"seal_key":"A`), "genesis"},
		{"records", "the key change left out", recordsFile, replaceText("ledger.seal_key_changed.v1", "ledger.seal_key_changed.v9"), "head"},
		{"records", "a path to another root", pathsFile, replaceText(`"path":["`, `"path":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","`), "record 1 "},

		{"*", "another key", keyFile, replaceText("bookledger/", "bookledgex/"), keyFile},
		{"*", "a head of another size", headFile, replaceText("\n17", "\n18"), headFile},
		{"*", "extra data in the proof", sealProofFile, replaceText("c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v1\nextra AAAA\n"), sealProofFile},
		{"*", "the proof from another head", earlierProofFile, replaceText("old 1", "old 2"), earlierProofFile},
		{"*", "the proof from another boundary", boundaryProofFile, replaceText("old 1", "old 2"), boundaryProofFile},
		{"*", "a seal with another boundary", sealFile, replaceText(`"boundary":1`, `"boundary":2`), "seal"},
		{"*", "two seals", sealFile, func(text []byte) []byte { return append(text, text...) }, "one record"},
		{"*", "no seal", sealFile, keepFirst(0), "one record"},
		{"*", "the head as the earlier head", earlierHeadFile, setTo(head), earlierHeadFile},
		{"*", "more rows", agentProofFile, replaceText(`"rows": `, `"rows": 1`), "among the 4 agents"},
		{"*", "another agent's proof", agentProofFile, setTo(place), "agent"},
		{"*", "another agent's proof renamed", agentProofFile, setTo(bytes.Replace(place, []byte(`"A3"`), []byte(`"A1"`), 1)), "not under the seal's book root"},
		{"*", "a misleading README", readmeFile, replaceText("bookaudit verify", "bookaudit   trust"), readmeFile},
	} {
		bundles := []string{c.bundle}
		if c.bundle == "*" {
			bundles = []string{"whole", "records", "row", "absent"}
		}
		for _, bundle := range bundles {
			t.Run(bundle+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				folder := cachedBundle(t, bundle)
				text := readFile(t, folder, c.file)
				changed := c.change(bytes.Clone(text))
				if bytes.Equal(text, changed) {
					t.Fatal("the change changes nothing")
				}
				err := verifyError(tamper(t, folder, map[string][]byte{c.file: changed}))
				wantMismatch(t, err, strings.Split(c.want, "|")...)
				if err != nil && strings.Contains(err.Error(), "daemon") {
					t.Errorf("the error tells an auditor what only an operator can do: %v", err)
				}
				bad := copyBundle(t, folder)
				replaceFile(t, filepath.Join(bad, c.file), changed)
				wantMismatch(t, verifyError(bad), c.file+" has")
			})
		}
	}
}

// TestDetectsFlippedBits flips single bits in a bundle. The manifest must reveal every
// flip. If the manifest is adjusted, the other checks must reveal it, except in data
// that is not evidence: records after the head; the workbook's bytes in a bundle
// without the whole journal; and which row is absent, because another one is absent too.
func TestDetectsFlippedBits(t *testing.T) {
	seed := rand.Uint64()
	for i, name := range []string{"whole", "records", "row", "absent", "absent from an empty book"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dice := rand.New(rand.NewPCG(seed, uint64(i)))
			folder := cachedBundle(t, name)
			signed := len(joinLines(splitLines(sampleLedger().text.Bytes())[:sizeOfHead(t, folder, headFile)]...))
			files := fileNames(t, folder)
			if name == "whole" { // the journal is most of the evidence
				files = append(files, slices.Repeat([]string{journalFile}, 20)...)
			}
			for n := range 2 * len(files) {
				file := files[n%len(files)]
				flipped := readFile(t, folder, file)
				if len(flipped) == 0 {
					continue
				}
				at, bit := dice.IntN(len(flipped)), dice.IntN(8)
				claim := bytes.Index(flipped, []byte("absent_between"))
				flipped[at] ^= 1 << bit
				to := copyBundle(t, folder)
				replaceFile(t, filepath.Join(to, file), flipped)
				err := verifyError(to)
				unproven := file == manifestFile || file == workbookFile && name == "records" || file == journalFile && at >= signed || file == rowFile && at < claim
				if err != nil && !unproven {
					err = verifyError(tamper(t, folder, map[string][]byte{file: flipped}))
				}
				if err == nil {
					t.Fatalf("seed %d: the bundle verifies with bit %d of byte %d of %s flipped: %q", seed, bit, at, file, flipped[max(0, at-40):min(len(flipped), at+40)])
				}
			}
		})
	}
}

// TestRejectsWrongFiles checks that a bundle must consist of exactly its files, all of
// them regular, and that a wrong manifest is refused.
func TestRejectsWrongFiles(t *testing.T) {
	for _, bundle := range []string{"whole", "records", "row"} {
		t.Run(bundle, func(t *testing.T) {
			t.Parallel()
			folder := cachedBundle(t, bundle)
			for _, name := range fileNames(t, folder) {
				to := copyBundle(t, folder)
				path := filepath.Join(to, name)
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if err := verifyError(to); err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("without %s: got error %v, want it to name the file", name, err)
				}
				if err := os.Symlink(filepath.Join(folder, name), path); err != nil {
					t.Fatal(err)
				}
				wantMismatch(t, verifyError(to), name+" is not a regular file")
				if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
					t.Fatal(err)
				}
				wantMismatch(t, verifyError(to), name+" is not a regular file")
			}
			for _, c := range [][3]string{
				{`"version": 1`, `"version": 2`, "newer release"},
				{`"version": 1`, `"version": 0`}, {`"kind": "`, `"kind": "x`}, {`"agent": "`, `"agent": "x`}, {`"ledger_id": "`, `"ledger_id": "x`},
				{`"friday": "2026-11-20"`, `"friday": "2026-11-13"`}, {`"name": "head.txt"`, `"name": "../head.txt"`}, {`"name": "head.txt"`, `"name": "/etc/passwd"`},
				{`"files": [`, `"files": [ `}, {`{`, `{"more": 1,`}, {`"head-before.txt"`, `"place.json"`},
			} {
				to := copyBundle(t, folder)
				replaceFile(t, filepath.Join(to, manifestFile), replaceText(c[0], c[1])(readFile(t, folder, manifestFile)))
				wantMismatch(t, verifyError(to), c[2])
			}
			more, sub, pipe := copyBundle(t, folder), copyBundle(t, folder), copyBundle(t, folder)
			replaceFile(t, filepath.Join(more, "more.txt"), nil)
			wantMismatch(t, verifyError(more), "more.txt")
			if err := os.Mkdir(filepath.Join(sub, "sub"), 0o700); err != nil {
				t.Fatal(err)
			}
			wantMismatch(t, verifyError(sub), "sub")
			manifest := filepath.Join(pipe, manifestFile)
			if err := errors.Join(os.Remove(manifest), syscall.Mkfifo(manifest, 0o600)); err != nil {
				t.Fatal(err)
			}
			wantMismatch(t, verifyError(pipe), "not a regular file")
		})
	}
}

func readRow(tb testing.TB, folder string) rowProof {
	tb.Helper()
	return must(decode[rowProof](rowFile, readFile(tb, folder, rowFile), encode))
}

// TestRejectsForgedRow changes the proof of a row in ways that claim something false
// about the row or its absence.
func TestRejectsForgedRow(t *testing.T) {
	folder := cachedBundle(t, "row")
	rows := checkpoint.NewRowTree(sampleLedger().books[testAgent].Rows)
	index := readRow(t, folder).Present.Index
	if index == 0 || index+1 == rows.Size() {
		t.Fatal("the row is at an end of the tree: choose another row")
	}
	leaf := func(i uint64) checkpoint.RowProof { return must(rows.Prove(i)) }
	before, itself, after, start, end := leaf(index-1), leaf(index), leaf(index+1), leaf(0), leaf(rows.Size()-1)
	between := func(all ...checkpoint.RowProof) func(*rowProof) {
		return func(r *rowProof) { r.Present, r.Absent = nil, &all }
	}
	moved := func(n checkpoint.RowProof, to uint64) checkpoint.RowProof { n.Index = to; return n }
	other := func(bundle string) func(*rowProof) {
		return func(r *rowProof) { *r = readRow(t, cachedBundle(t, bundle)) }
	}
	for name, forge := range map[string]func(r *rowProof){
		"absent although present": between(before, after),
		"with a moved neighbor":   between(before, moved(after, index)),
		"before itself":           between(before, itself),
		"after itself":            between(itself, after),
		"at the left end":         between(start),
		"at the right end":        between(end),
		"next to one neighbor":    between(before),
		"in the wrong order":      between(after, before),
		"of an empty tree":        between(),
		"three neighbors":         between(before, itself, after),
		"beyond the end":          between(end, moved(end, rows.Size())),
		"at the largest index":    between(moved(start, 1<<64-1)),

		"another case":               func(r *rowProof) { r.CaseID = caseID(3) + "0" },
		"an invalid case id":         func(r *rowProof) { r.CaseID += " " },
		"another member":             func(r *rowProof) { r.MemberID = "M8" },
		"another year":               func(r *rowProof) { r.Year++ },
		"a value":                    func(r *rowProof) { r.Present.Values[len(r.Present.Values)-1].Value += "x" },
		"a field":                    func(r *rowProof) { r.Present.Values[3].Field = "x" },
		"values swapped":             func(r *rowProof) { v := r.Present.Values; v[3], v[4] = v[4], v[3] },
		"a value left out":           func(r *rowProof) { r.Present.Values = slices.Delete(r.Present.Values, 3, 4) },
		"no values":                  func(r *rowProof) { r.Present.Values = nil },
		"the salt":                   func(r *rowProof) { r.Present.Salt = itself.Key },
		"the index":                  func(r *rowProof) { r.Present.Index-- },
		"a large index":              func(r *rowProof) { r.Present.Index = 1<<64 - 1 },
		"the path":                   func(r *rowProof) { r.Present.Path = before.Path },
		"a shorter path":             func(r *rowProof) { r.Present.Path = r.Present.Path[1:] },
		"neither present nor absent": func(r *rowProof) { r.Present = nil },
		"both present and absent":    func(r *rowProof) { r.Absent = &[]checkpoint.RowProof{before, after} },
		"present, with no neighbors": func(r *rowProof) { r.Absent = &[]checkpoint.RowProof{} },

		"the row of another agent": other("the one row of a book"),
		"an absence from no rows":  other("absent from an empty book"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := readRow(t, folder)
			forge(&r)
			wantMismatch(t, verifyError(tamper(t, folder, map[string][]byte{rowFile: encode(r)})))
		})
	}
}
