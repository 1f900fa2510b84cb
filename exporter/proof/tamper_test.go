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

// How the tables below change a file.
type change func([]byte) []byte

// put replaces the first of a text.
func put(old, to string) change {
	return func(text []byte) []byte { return []byte(strings.Replace(string(text), old, to, 1)) }
}

// is replaces the whole.
func is(text []byte) change { return func([]byte) []byte { return text } }

// edit changes the lines.
func edit(f func([][]byte) [][]byte) change {
	return func(text []byte) []byte { return joined(f(linesOf(text))...) }
}

func swap(i, j int) change {
	return edit(func(all [][]byte) [][]byte { all[i], all[j] = all[j], all[i]; return all })
}

func without(i int) change {
	return edit(func(all [][]byte) [][]byte { return slices.Delete(all, i, i+1) })
}

func insert(i int, line func(all [][]byte) []byte) change {
	return edit(func(all [][]byte) [][]byte { return slices.Insert(all, i, line(all)) })
}

func first(n int) change {
	return edit(func(all [][]byte) [][]byte { return all[:n] })
}

// last changes the last line.
func last(c change) change {
	return edit(func(all [][]byte) [][]byte { return append(all[:len(all)-1], c(all[len(all)-1])) })
}

// renumbered gives the lines of a dump new sequences after a change.
func renumbered(c change) change {
	return func(text []byte) []byte {
		all := linesOf(c(text))
		for i, line := range all {
			_, rest, _ := bytes.Cut(line, []byte(","))
			all[i] = append(fmt.Appendf(nil, `{"seq":%d,`, i+1), rest...)
		}
		return joined(all...)
	}
}

// TestTampered changes a file of a bundle, by somebody who makes the manifest
// fit, and by somebody who cannot.
func TestTampered(t *testing.T) {
	whole := bundleOf(t, "whole")
	n, lines := headSize(t, whole, headFile), len(linesOf(read(t, whole, journalFile)))
	line := func(i int) func([][]byte) []byte { return func(all [][]byte) []byte { return all[i] } }
	blank := func([][]byte) []byte { return []byte("\n") }
	head, place := read(t, whole, headFile), read(t, bundleOf(t, "the one row of a book"), placeFile)
	beyond := fmt.Sprintf("ends with record %%d, and the head in head.txt is of %d", n)
	recorded := func(text []byte) []byte {
		before, rest, _ := bytes.Cut(text, []byte(`,"recorded":"`))
		_, after, _ := bytes.Cut(rest, []byte(`"`))
		return slices.Concat(before, after)
	}
	for _, c := range []struct {
		bundle, name, file string
		change             change
		says               string // what may be said, with a bar between
	}{
		{"whole", "a line deleted", journalFile, without(20), "got record 22, want record 21"},
		{"whole", "deleted and renumbered", journalFile, renumbered(without(20)), "forked|rewritten"},
		{"whole", "the first line deleted", journalFile, without(0), "record 2"},
		{"whole", "two lines swapped", journalFile, swap(20, 21), "record 22"},
		{"whole", "swapped and renumbered", journalFile, renumbered(swap(20, 21)), "line 22|forked"},
		{"whole", "a line doubled", journalFile, insert(20, line(20)), "got record 21, want record 22"},
		{"whole", "inserted and renumbered", journalFile, renumbered(insert(20, line(20))), "forked"},
		{"whole", "a blank line", journalFile, insert(20, blank), "line 21 is blank"},
		{"whole", "a blank line at the end", journalFile, insert(lines, blank), "blank lines follow"},
		{"whole", "the end of the last cut off", journalFile, last(put("\n", "")), "cut off"},
		{"whole", "half a line", journalFile, last(func(text []byte) []byte { return text[:50] }), fmt.Sprintf("line %d", lines)},
		{"whole", "a space in a line", journalFile, put(`,"stamped"`, `, "stamped"`), "line 1 is not what the ledger writes"},
		{"whole", "an unknown member in a line", journalFile, put(`{"seq":1,`, `{"seq":1,"x":2,`), "line 1 is not what the ledger writes"},
		{"whole", "a line without its recorded time", journalFile, last(recorded), fmt.Sprintf("line %d", lines)},
		{"whole", "Windows ends of lines", journalFile, func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")) }, "line 1"},
		{"whole", "cut off before the boundary", journalFile, first(30), fmt.Sprintf(beyond, 30)},
		{"whole", "cut off before the seal", journalFile, first(n - 1), fmt.Sprintf(beyond, n-1)},
		{"whole", "cut off before the signature", journalFile, first(n), fmt.Sprintf("ends with record %d, and the records from which seal.ndjson and head.txt were taken are not all in it", n)},
		{"whole", "nothing left", journalFile, first(0), fmt.Sprintf("holds no record, and the head in head.txt is of %d", n)},
		{"whole", "a line that is no record", journalFile, insert(lines, func([][]byte) []byte { return []byte("{}\n") }), "line"},
		{"whole", "a line without an object", journalFile, insert(lines, func([][]byte) []byte { return []byte("17\n") }), "line"},
		{"whole", "the last record again", journalFile, insert(lines, line(lines-1)), "records are missing or out of order"},
		{"whole", "the header of history", journalFile, put(`"header":"2026-11-01T00`, `"header":"2026-11-01T01`), "forked|rewritten|line"},
		{"whole", "another key in genesis", journalFile, put(sealKey(1), sealKey(9)), "rewritten between record 1 and"},
		{"whole of the first Friday", "too short, with no earlier head to say so", journalFile, first(30), "ends with record 30, and the head in head.txt is of"},

		{"records", "rows swapped", rowsFile, swap(0, 3), "cell"}, // the root is the same, the workbook's order is not
		{"records", "a row left out", rowsFile, without(2), "rows of"},
		{"records", "a row doubled", rowsFile, insert(2, line(1)), "rows of"},
		{"records", "a row in place of another", rowsFile, edit(func(all [][]byte) [][]byte { all[1] = all[0]; return all }), "a row twice|rows of"},
		{"records", "a value of a row", rowsFile, put(`"value":"Active"`, `"value":"Inactive"`), "a row was changed"},
		{"records", "another record of the case", rowsFile, put(`{"changed":`, `{"changed":1`), "which is not among its records"},
		{"records", "the record of another case", rowsFile, edit(func(all [][]byte) [][]byte {
			_, values, _ := bytes.Cut(all[0], []byte(","))
			changed, _, _ := bytes.Cut(all[len(all)-1], []byte(","))
			all[0] = joined(changed, []byte(","), values)
			return all
		}), "which is not among its records"},
		{"records", "all rows left out", rowsFile, first(0), "0 rows"},
		{"records", "records swapped", recordsFile, swap(5, 6), "stands after|paths.ndjson"},
		{"records", "a record left out", recordsFile, without(5), pathsFile},
		{"records", "a path left out", pathsFile, without(5), pathsFile},
		{"records", "paths swapped", pathsFile, swap(5, 6), pathsFile},
		{"records", "genesis left out", recordsFile, without(0), "paths.ndjson|genesis"},
		{"records", "no records", recordsFile, first(0), "equally many"},
		{"records", "a record's event", recordsFile, put(`"via":"conversion"`, `"via":"conversioN"`), "not the one that was recorded"},
		{"records", "a record's stamp", recordsFile, put(`"stamped":"2026-11-02T16`, `"stamped":"2026-11-02T17`), "record 1 "},
		{"records", "a recorded time", recordsFile, put(`,"subject"`, `,"recorded":"2026-11-02T16:00:00Z","subject"`), "line 1"},
		{"records", "the end of a line", recordsFile, last(put("\n", "")), "cut off"},
		{"records", "the key in genesis", recordsFile, put(`"seal_key":"`, `"seal_key":"A`), "genesis"},
		{"records", "the key change left out", recordsFile, put("ledger.seal_key_changed.v1", "ledger.seal_key_changed.v9"), "head"},
		{"records", "a path to another root", pathsFile, put(`"path":["`, `"path":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","`), "record 1 "},

		{"*", "a key that is another", keyFile, put("bookledger/", "bookledgex/"), keyFile},
		{"*", "a head of another size", headFile, put("\n17", "\n18"), headFile},
		{"*", "extra data in the proof", sealedFile, put("c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v1\nextra AAAA\n"), sealedFile},
		{"*", "the proof from another head", sinceFile, put("old 1", "old 2"), sinceFile},
		{"*", "the proof from another boundary", boundaryFile, put("old 1", "old 2"), boundaryFile},
		{"*", "a seal with another boundary", sealFile, put(`"boundary":1`, `"boundary":2`), "seal"},
		{"*", "two seals", sealFile, func(text []byte) []byte { return append(text, text...) }, "one record"},
		{"*", "no seal", sealFile, first(0), "one record"},
		{"*", "the head for the one before", beforeFile, is(head), beforeFile},
		{"*", "more rows", placeFile, put(`"rows": `, `"rows": 1`), "among the 4 agents"},
		{"*", "another agent's place", placeFile, is(place), "agent"},
		{"*", "another agent's place renamed", placeFile, is(bytes.Replace(place, []byte(`"A3"`), []byte(`"A1"`), 1)), "not under the book root"},
		{"*", "a text that leads astray", readmeFile, put("bookaudit verify", "bookaudit   trust"), readmeFile},
	} {
		bundles := []string{c.bundle}
		if c.bundle == "*" {
			bundles = []string{"whole", "records", "row", "absent"}
		}
		for _, bundle := range bundles {
			t.Run(bundle+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				folder := bundleOf(t, bundle)
				text := read(t, folder, c.file)
				changed := c.change(bytes.Clone(text))
				if bytes.Equal(text, changed) {
					t.Fatal("nothing is changed")
				}
				err := verifies(tampered(t, folder, map[string][]byte{c.file: changed}))
				wants(t, err, strings.Split(c.says, "|")...)
				if err != nil && strings.Contains(err.Error(), "daemon") {
					t.Errorf("an auditor is told what operators do: %v", err)
				}
				bad := copied(t, folder)
				write(t, filepath.Join(bad, c.file), changed)
				wants(t, verifies(bad), c.file+" has")
			})
		}
	}
}

// TestFlippedBits flips single bits anywhere in a bundle. Every one is found by
// the manifest; and by the check itself where the manifest is made to fit, but
// for what is no evidence: records that came after the head, in a bundle without
// the whole record the workbook's own bytes; and which row is absent, since
// another one is absent too.
func TestFlippedBits(t *testing.T) {
	seed := rand.Uint64()
	for i, name := range []string{"whole", "records", "row", "absent", "absent from an empty book"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dice := rand.New(rand.NewPCG(seed, uint64(i)))
			folder := bundleOf(t, name)
			signed := len(joined(linesOf(sample().text.Bytes())[:headSize(t, folder, headFile)]...))
			files := names(t, folder)
			if name == "whole" { // where the record is most of what counts
				files = append(files, slices.Repeat([]string{journalFile}, 20)...)
			}
			for n := range 2 * len(files) {
				file := files[n%len(files)]
				flipped := read(t, folder, file)
				if len(flipped) == 0 {
					continue
				}
				at, bit := dice.IntN(len(flipped)), dice.IntN(8)
				claim := bytes.Index(flipped, []byte("absent_between"))
				flipped[at] ^= 1 << bit
				to := copied(t, folder)
				write(t, filepath.Join(to, file), flipped)
				err := verifies(to)
				free := file == manifestFile || file == workbookFile && name == "records" || file == journalFile && at >= signed || file == rowFile && at < claim
				if err != nil && !free {
					err = verifies(tampered(t, folder, map[string][]byte{file: flipped}))
				}
				if err == nil {
					t.Fatalf("seed %d: bit %d of byte %d of %s is flipped, and it verifies: %q", seed, bit, at, file, flipped[max(0, at-40):min(len(flipped), at+40)])
				}
			}
		})
	}
}

// TestFiles holds that every file is accounted for.
func TestFiles(t *testing.T) {
	for _, bundle := range []string{"whole", "records", "row"} {
		t.Run(bundle, func(t *testing.T) {
			t.Parallel()
			folder := bundleOf(t, bundle)
			for _, name := range names(t, folder) {
				to := copied(t, folder)
				path := filepath.Join(to, name)
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if err := verifies(to); err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("without %s: %v", name, err)
				}
				if err := os.Symlink(filepath.Join(folder, name), path); err != nil {
					t.Fatal(err)
				}
				wants(t, verifies(to), name+" is no plain file")
				if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
					t.Fatal(err)
				}
				wants(t, verifies(to), name+" is no plain file")
			}
			for _, c := range [][3]string{
				{`"version": 1`, `"version": 2`, "newer release"},
				{`"version": 1`, `"version": 0`}, {`"kind": "`, `"kind": "x`}, {`"agent": "`, `"agent": "x`}, {`"ledger_id": "`, `"ledger_id": "x`},
				{`"friday": "2026-11-20"`, `"friday": "2026-11-13"`}, {`"name": "head.txt"`, `"name": "../head.txt"`}, {`"name": "head.txt"`, `"name": "/etc/passwd"`},
				{`"files": [`, `"files": [ `}, {`{`, `{"more": 1,`}, {`"head-before.txt"`, `"place.json"`},
			} {
				to := copied(t, folder)
				write(t, filepath.Join(to, manifestFile), put(c[0], c[1])(read(t, folder, manifestFile)))
				wants(t, verifies(to), c[2])
			}
			more, sub, pipe := copied(t, folder), copied(t, folder), copied(t, folder)
			write(t, filepath.Join(more, "more.txt"), nil)
			wants(t, verifies(more), "more.txt")
			if err := os.Mkdir(filepath.Join(sub, "sub"), 0o700); err != nil {
				t.Fatal(err)
			}
			wants(t, verifies(sub), "sub")
			manifest := filepath.Join(pipe, manifestFile)
			if err := errors.Join(os.Remove(manifest), syscall.Mkfifo(manifest, 0o600)); err != nil {
				t.Fatal(err)
			}
			wants(t, verifies(pipe), "no plain file")
		})
	}
}

func readRow(tb testing.TB, folder string) rowProof {
	tb.Helper()
	return must(decode[rowProof](rowFile, read(tb, folder, rowFile), encode))
}

// TestForgedRows claims what is not so of a row, or of its absence.
func TestForgedRows(t *testing.T) {
	folder := bundleOf(t, "row")
	rows := checkpoint.NewRowTree(sample().books[agentID].Rows)
	index := readRow(t, folder).Present.Index
	if index == 0 || index+1 == rows.Size() {
		t.Fatal("the row stands at an end; choose another sample")
	}
	leaf := func(i uint64) checkpoint.RowProof { return must(rows.Prove(i)) }
	before, itself, after, start, end := leaf(index-1), leaf(index), leaf(index+1), leaf(0), leaf(rows.Size()-1)
	between := func(all ...checkpoint.RowProof) func(*rowProof) {
		return func(r *rowProof) { r.Present, r.Absent = nil, &all }
	}
	moved := func(n checkpoint.RowProof, to uint64) checkpoint.RowProof { n.Index = to; return n }
	other := func(bundle string) func(*rowProof) {
		return func(r *rowProof) { *r = readRow(t, bundleOf(t, bundle)) }
	}
	for name, forge := range map[string]func(r *rowProof){
		"absent though there":       between(before, after),
		"with a moved neighbor":     between(before, moved(after, index)),
		"before itself":             between(before, itself),
		"behind itself":             between(itself, after),
		"at the left end":           between(start),
		"at the right end":          between(end),
		"beside one neighbor":       between(before),
		"in the wrong order":        between(after, before),
		"of an empty tree":          between(),
		"three neighbors":           between(before, itself, after),
		"beyond the end":            between(end, moved(end, rows.Size())),
		"at the end of all numbers": between(moved(start, 1<<64-1)),

		"another case":       func(r *rowProof) { r.CaseID = caseID(3) + "0" },
		"no case's id":       func(r *rowProof) { r.CaseID += " " },
		"another member":     func(r *rowProof) { r.MemberID = "M8" },
		"another year":       func(r *rowProof) { r.Year++ },
		"a value":            func(r *rowProof) { r.Present.Values[len(r.Present.Values)-1].Value += "x" },
		"a field":            func(r *rowProof) { r.Present.Values[3].Field = "x" },
		"values swapped":     func(r *rowProof) { v := r.Present.Values; v[3], v[4] = v[4], v[3] },
		"a value left out":   func(r *rowProof) { r.Present.Values = slices.Delete(r.Present.Values, 3, 4) },
		"no values":          func(r *rowProof) { r.Present.Values = nil },
		"the salt":           func(r *rowProof) { r.Present.Salt = itself.Key },
		"the index":          func(r *rowProof) { r.Present.Index-- },
		"a large index":      func(r *rowProof) { r.Present.Index = 1<<64 - 1 },
		"the path":           func(r *rowProof) { r.Present.Path = before.Path },
		"a shorter path":     func(r *rowProof) { r.Present.Path = r.Present.Path[1:] },
		"neither":            func(r *rowProof) { r.Present = nil },
		"both":               func(r *rowProof) { r.Absent = &[]checkpoint.RowProof{before, after} },
		"present and absent": func(r *rowProof) { r.Absent = &[]checkpoint.RowProof{} },

		"the row of another agent": other("the one row of a book"),
		"an absence from no rows":  other("absent from an empty book"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := readRow(t, folder)
			forge(&r)
			wants(t, verifies(tampered(t, folder, map[string][]byte{rowFile: encode(r)})))
		})
	}
}
