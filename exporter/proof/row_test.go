package proof_test

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bookledger/exporter/proof"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
)

// rowFile is row.json, as somebody else would read and write it.
type rowFile struct {
	CaseID   string       `json:"case_id"`
	MemberID string       `json:"member_id"`
	Year     int          `json:"year"`
	Present  *presentPart `json:"present,omitempty"`
	Absent   *[]neighbour `json:"absent_between,omitempty"`
}

type presentPart struct {
	Values []struct {
		Field string `json:"field"`
		Value string `json:"value"`
	} `json:"values"`
	Salt  string   `json:"salt"`
	Index uint64   `json:"index"`
	Path  []string `json:"path"`
}

type neighbour struct {
	Index uint64   `json:"index"`
	Key   string   `json:"key"`
	Row   string   `json:"row"`
	Path  []string `json:"path"`
}

func readRow(tb testing.TB, folder string) (r rowFile) {
	tb.Helper()
	if err := json.Unmarshal(read(tb, filepath.Join(folder, "row.json")), &r); err != nil {
		tb.Fatal(err)
	}
	return r
}

// withRow puts another row.json into a bundle.
func withRow(tb testing.TB, folder string, r rowFile) string {
	tb.Helper()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		tb.Fatal(err)
	}
	return tampered(tb, folder, "row.json", func([]byte) []byte { return append(text, '\n') })
}

// leafAt is the leaf with an index in the tree of the book's rows.
func leafAt(tb testing.TB, rows *checkpoint.Rows, index uint64) neighbour {
	tb.Helper()
	p, err := rows.At(index)
	if err != nil {
		tb.Fatal(err)
	}
	n := neighbour{Index: index, Key: p.Leaf.Key.String(), Row: p.Leaf.Row.String(), Path: []string{}}
	for _, h := range p.Path {
		n.Path = append(n.Path, h.String())
	}
	return n
}

// TestEveryRow proves each row of a book, and the absence of rows all over its
// tree, its ends too.
func TestEveryRow(t *testing.T) {
	l := sample(t)
	dump, b := l.dump(), l.bookOf(agentID)
	rows := checkpoint.NewRows(b.Rows)
	gaps := map[uint64]bool{}
	for i := range b.Rows {
		k := b.Rows[i].Key()
		q := proof.Request{Kind: proof.Row, Case: k.CaseID, Member: k.MemberID, Year: k.Year}
		folder, err := tryBundle(t, dump, q)
		if err != nil {
			continue // without member or year there may be several
		}
		if err := verify(folder); err != nil {
			t.Error(k, err)
		}
		if r := readRow(t, folder); r.Present == nil || r.CaseID != k.CaseID || r.MemberID != k.MemberID || r.Year != k.Year {
			t.Errorf("%v is proven as %+v", k, r)
		}
	}
	for n := 0; len(gaps) <= len(b.Rows) && n < 400; n++ {
		k := book.Key{CaseID: id(2000 + n), MemberID: "M1", Year: 2026}
		at, _ := rows.Find(checkpoint.KeyHash(k))
		if gaps[at] {
			continue
		}
		gaps[at] = true
		folder := bundle(t, dump, proof.Request{Kind: proof.Row, Case: k.CaseID, Member: k.MemberID, Year: k.Year})
		if err := verify(folder); err != nil {
			t.Error(k, err)
		}
		if r := readRow(t, folder); r.Absent == nil {
			t.Errorf("%v is proven as %+v", k, r)
		}
	}
	if !gaps[0] || !gaps[rows.Size()] || len(gaps) < 5 {
		t.Errorf("only these gaps were seen: %v", gaps)
	}
}

// TestForgedRows claims what is not so of rows.
func TestForgedRows(t *testing.T) {
	l := sample(t)
	dump, d, b := l.dump(), l.detail(), l.bookOf(agentID)
	rows := checkpoint.NewRows(b.Rows)
	folder := bundle(t, dump, requests(d)["row"])
	honest := readRow(t, folder)
	index := honest.Present.Index
	if index == 0 || index+1 == rows.Size() {
		t.Fatal("the row stands at an end; choose another sample")
	}
	between := func(all ...neighbour) rowFile {
		r := honest
		r.Present, r.Absent = nil, &all
		return r
	}
	moved := func(n neighbour, to uint64) neighbour {
		n.Index = to
		return n
	}
	before, itself, after := leafAt(t, rows, index-1), leafAt(t, rows, index), leafAt(t, rows, index+1)
	first, last := leafAt(t, rows, 0), leafAt(t, rows, rows.Size()-1)
	for name, forged := range map[string]rowFile{
		"absent though there":       between(before, after),
		"with a moved neighbour":    between(before, moved(after, index)),
		"before itself":             between(before, itself),
		"behind itself":             between(itself, after),
		"at the left end":           between(first),
		"at the right end":          between(last),
		"beside one neighbour":      between(before),
		"in the wrong order":        between(after, before),
		"of an empty tree":          between(),
		"three neighbours":          between(before, itself, after),
		"beyond the end":            between(last, moved(last, rows.Size())),
		"at the end of all numbers": between(moved(first, 1<<64-1)),
	} {
		wants(t, verify(withRow(t, folder, forged)))
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// TestForgedValues claims that a row has other values or another place.
func TestForgedValues(t *testing.T) {
	l := sample(t)
	dump, d := l.dump(), l.detail()
	rows := checkpoint.NewRows(l.bookOf(agentID).Rows)
	folder, absent := bundle(t, dump, requests(d)["row"]), bundle(t, dump, requests(d)["absent"])
	index := readRow(t, folder).Present.Index
	before, itself, after := leafAt(t, rows, index-1), leafAt(t, rows, index), leafAt(t, rows, index+1)
	for name, change := range map[string]func(r *rowFile){
		"another case":       func(r *rowFile) { r.CaseID = id(3) + "0" },
		"another member":     func(r *rowFile) { r.MemberID = "M8" },
		"another year":       func(r *rowFile) { r.Year++ },
		"a value":            func(r *rowFile) { r.Present.Values[len(r.Present.Values)-1].Value += "x" },
		"a field":            func(r *rowFile) { r.Present.Values[3].Field = "x" },
		"values swapped":     func(r *rowFile) { v := r.Present.Values; v[3], v[4] = v[4], v[3] },
		"a value left out":   func(r *rowFile) { r.Present.Values = slices.Delete(r.Present.Values, 3, 4) },
		"no values":          func(r *rowFile) { r.Present.Values = nil },
		"the salt":           func(r *rowFile) { r.Present.Salt = itself.Key },
		"the index":          func(r *rowFile) { r.Present.Index-- },
		"a large index":      func(r *rowFile) { r.Present.Index = 1<<64 - 1 },
		"the path":           func(r *rowFile) { r.Present.Path = before.Path },
		"a shorter path":     func(r *rowFile) { r.Present.Path = r.Present.Path[1:] },
		"neither":            func(r *rowFile) { r.Present = nil },
		"both":               func(r *rowFile) { r.Absent = &[]neighbour{before, after} },
		"present and absent": func(r *rowFile) { r.Absent = &[]neighbour{} },
	} {
		r := readRow(t, folder)
		change(&r)
		wants(t, verify(withRow(t, folder, r)))
		if t.Failed() {
			t.Fatal(name)
		}
	}
	// The proof of one row for another, and of another agent's book.
	other := bundle(t, dump, requests(d)["the one row of a book"])
	wants(t, verify(withRow(t, folder, readRow(t, other))))
	wants(t, verify(withRow(t, absent, readRow(t, bundle(t, dump, requests(d)["absent from an empty book"])))))
	place := read(t, filepath.Join(other, "place.json"))
	wants(t, verify(tampered(t, folder, "place.json", func([]byte) []byte { return place })), "agent")
	renamed := bytes.Replace(place, []byte(`"A3"`), []byte(`"A1"`), 1)
	wants(t, verify(tampered(t, folder, "place.json", func([]byte) []byte { return renamed })), "not under the book root")
	fewer := func(text []byte) []byte { return bytes.Replace(text, []byte(`"rows": `), []byte(`"rows": 1`), 1) }
	wants(t, verify(tampered(t, folder, "place.json", fewer)), "not under the book root")
}

// TestForgedRecords changes what a bundle without the whole record holds.
func TestForgedRecords(t *testing.T) {
	l := sample(t)
	dump := l.dump()
	folder := bundle(t, dump, proof.Request{Kind: proof.Records})
	if n := len(lines(read(t, filepath.Join(folder, "rows.ndjson")))); n < 5 {
		t.Fatal("the sample has too few rows")
	}
	swap := func(i, j int) func([]byte) []byte {
		return func(text []byte) []byte {
			all := lines(text)
			all[i], all[j] = all[j], all[i]
			return joined(all)
		}
	}
	without := func(i int) func([]byte) []byte {
		return func(text []byte) []byte { return joined(slices.Delete(lines(text), i, i+1)) }
	}
	doubled := func(text []byte) []byte { return append(bytes.Clone(text), lines(text)[1]...) }
	replace := func(old, to string) func([]byte) []byte {
		return func(text []byte) []byte {
			changed := []byte(strings.Replace(string(text), old, to, 1))
			if bytes.Equal(changed, text) {
				t.Fatalf("there is no %s", old)
			}
			return changed
		}
	}
	for name, c := range map[string]struct {
		file   string
		change func([]byte) []byte
		says   []string
	}{
		"rows swapped":                 {"rows.ndjson", swap(0, 3), []string{"cell"}}, // the root is the same, the workbook's order is not
		"a row left out":               {"rows.ndjson", without(2), []string{"rows of"}},
		"a row doubled":                {"rows.ndjson", doubled, []string{"rows of"}},
		"a row in place of another":    {"rows.ndjson", func(text []byte) []byte { a := lines(text); a[1] = a[0]; return joined(a) }, []string{"a row twice", "rows of"}},
		"a value of a row":             {"rows.ndjson", replace(`"value":"Active"`, `"value":"Inactive"`), []string{"a row was changed"}},
		"another record of the case":   {"rows.ndjson", replace(`{"changed":`, `{"changed":1`), []string{"which is not among its records"}},
		"all rows left out":            {"rows.ndjson", func([]byte) []byte { return nil }, []string{"0 rows"}},
		"records swapped":              {"records.ndjson", swap(5, 6), []string{"stands after", "paths.ndjson"}},
		"a record left out":            {"records.ndjson", without(5), []string{"paths.ndjson"}},
		"a path left out":              {"paths.ndjson", without(5), []string{"paths.ndjson"}},
		"paths swapped":                {"paths.ndjson", swap(5, 6), []string{"paths.ndjson"}},
		"genesis left out":             {"records.ndjson", without(0), []string{"paths.ndjson", "genesis"}},
		"no records":                   {"records.ndjson", func([]byte) []byte { return nil }, []string{"equally many"}},
		"a record's event":             {"records.ndjson", replace(`"via":"conversion"`, `"via":"conversioN"`), []string{"not the one that was recorded"}},
		"a record's stamp":             {"records.ndjson", replace(`"stamped":"2026-11-02T16`, `"stamped":"2026-11-02T17`), []string{"record 1 "}},
		"a recorded time":              {"records.ndjson", replace(`,"subject"`, `,"recorded":"2026-11-02T16:00:00Z","subject"`), []string{"line 1"}},
		"the end of a line":            {"records.ndjson", func(text []byte) []byte { return text[:len(text)-1] }, []string{"ends within a line"}},
		"the key in genesis":           {"records.ndjson", replace(`"seal_key":"`, `"seal_key":"A`), []string{"genesis"}},
		"a key that is another":        {"key.txt", replace("bookledger/", "bookledgex/"), []string{"key.txt"}},
		"the key change left out":      {"records.ndjson", replace("ledger.seal_key_changed.v1", "ledger.seal_key_changed.v9"), []string{"head"}},
		"a path to another root":       {"paths.ndjson", replace(`"path":["`, `"path":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","`), []string{"record 1 "}},
		"a head of another size":       {"head.txt", replace("\n17", "\n18"), []string{"head.txt"}},
		"extra data in the proof":      {"seal.tlog-proof", replace("c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v1\nextra AAAA\n"), []string{"seal.tlog-proof"}},
		"the growth from another":      {"before-to-head.txt", replace("old 1", "old 2"), []string{"before-to-head.txt"}},
		"the boundary from another":    {"boundary-to-head.txt", replace("old 1", "old 2"), []string{"boundary-to-head.txt"}},
		"a seal with another boundary": {"seal.ndjson", replace(`"boundary":1`, `"boundary":2`), []string{"seal"}},
	} {
		wants(t, verify(tampered(t, folder, c.file, c.change)), c.says...)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// TestAnyHistory makes and checks bundles of each kind from random histories.
func TestAnyHistory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := randomLedger(t, rt)
		f := rapid.SampledFrom(fridays[:l.passed]).Draw(rt, "friday")
		agent := rapid.SampledFrom([]string{"A1", "A2", "A3", emptyID}).Draw(rt, "agent")
		kind := rapid.SampledFrom([]proof.Kind{proof.Whole, proof.Records, proof.Row}).Draw(rt, "kind")
		q := proof.Request{Kind: kind, Agent: agent, Friday: f}
		if kind == proof.Row {
			q.Case, q.Member, q.Year = id(rapid.IntRange(0, 5).Draw(rt, "case")), "M1", 2026
		}
		folder := bundle(t, l.dump(), q)
		r, err := proof.Verify(context.Background(), folder, proof.Options{Key: l.vkey(private(1))})
		if err != nil {
			rt.Fatalf("%v after %q", err, r.Checked)
		}
	})
}
