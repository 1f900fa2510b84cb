package proof_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bookledger/exporter/proof"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
)

// requests are of each kind of bundle, with what their rows are.
func requests(d detail) map[string]proof.Request {
	return map[string]proof.Request{
		"whole":                     {Kind: proof.Whole},
		"whole of the first Friday": {Kind: proof.Whole, Friday: fridays[0]},
		"whole of an empty book":    {Kind: proof.Whole, Agent: emptyID},
		"records":                   {Kind: proof.Records},
		"records of an empty book":  {Kind: proof.Records, Agent: emptyID},
		"row":                       {Kind: proof.Row, Case: d.caseID, Member: d.member, Year: d.year},
		"the one row of a book":     {Kind: proof.Row, Agent: "A3", Case: id(900)},
		"absent":                    {Kind: proof.Row, Case: d.caseID, Member: "M9", Year: 2026},
		"absent from an empty book": {Kind: proof.Row, Agent: emptyID, Case: id(900)},
		"absent from a book of one": {Kind: proof.Row, Agent: "A3", Case: id(901)},
	}
}

// TestVerifies holds that a bundle of each kind verifies, under each key that
// stood behind it, and with each head of the same history.
func TestVerifies(t *testing.T) {
	l := sample(t)
	dump := l.dump()
	for name, q := range requests(l.detail()) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := bundle(t, dump, q)
			keys := []string{"", l.vkey(private(1))}
			if q.Friday == 0 {
				keys = append(keys, l.vkey(private(2)))
			}
			for _, key := range keys {
				for _, kept := range []string{"", "head.txt", "head-before.txt"} {
					o := proof.Options{Key: key}
					if text, err := os.ReadFile(filepath.Join(folder, kept)); err == nil {
						o.Head = text
					}
					r, err := proof.Verify(context.Background(), folder, o)
					if err != nil || r.Agent == "" || r.Friday == 0 || r.LedgerID != ledgerID {
						t.Fatalf("%+v: %v", r, err)
					}
					said := strings.Join(append(r.Checked, r.Unproven...), "\n")
					for what, want := range map[string]bool{
						"--key": key == "", "--head": o.Head == nil, "key that you gave": key != "", "head of": true,
						"byte for byte": q.Kind == proof.Whole, "rules were followed": q.Kind == proof.Records, "upstream systems": true,
						"handed over from": q.Friday == 0, "no signed head of an earlier Friday": q.Friday != 0,
					} {
						if strings.Contains(said, what) != want {
							t.Errorf("it says %q: %v in\n%s", what, !want, said)
						}
					}
				}
			}
		})
	}
}

// TestForeignKeys holds that neither a stranger's key nor one of the ledger's
// own that came later vouches for a head.
func TestForeignKeys(t *testing.T) {
	l := sample(t)
	dump := l.dump()
	other := newLedger(t, "L-2", private(1))
	for _, kind := range []proof.Kind{proof.Whole, proof.Records} {
		folder := bundle(t, dump, proof.Request{Kind: kind, Friday: fridays[0]})
		for _, key := range []string{l.vkey(private(2)), l.vkey(private(3)), other.vkey(private(1))} {
			_, err := proof.Verify(context.Background(), folder, proof.Options{Key: key})
			wants(t, err, "the key that was given")
		}
	}
}

// wants holds that an error is ErrDiffers and names what differs.
func wants(tb testing.TB, err error, what ...string) {
	tb.Helper()
	if !errors.Is(err, proof.ErrDiffers) {
		tb.Errorf("it is %v, and must differ in %q", err, what)
		return
	}
	for _, w := range what {
		if strings.Contains(err.Error(), w) {
			return
		}
	}
	if len(what) > 0 {
		tb.Errorf("it says %v, and must name %q", err, what)
	}
}

// TestFolder holds that a bundle made twice has the same bytes, is for its
// owner alone, and is written whole or not at all.
func TestFolder(t *testing.T) {
	l := sample(t)
	dump := l.dump()
	for name, q := range requests(l.detail()) {
		folder, again := bundle(t, dump, q), bundle(t, dump, q)
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: the folder is %v, %v", name, info.Mode(), err)
		}
		for _, file := range names(t, folder) {
			path := filepath.Join(folder, file)
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %s is %v, %v", name, file, info.Mode(), err)
			}
			if !bytes.Equal(read(t, path), read(t, filepath.Join(again, file))) {
				t.Errorf("%s: %s made twice differs", name, file)
			}
		}
		if siblings := names(t, filepath.Dir(folder)); len(siblings) != 1 {
			t.Errorf("%s: beside the bundle stand %v", name, siblings)
		}
	}
}

// TestReadme holds that a bundle says how it is checked, what it does not
// prove and what is in it, in lines that people can read.
func TestReadme(t *testing.T) {
	l := sample(t)
	dump := l.dump()
	for name, q := range requests(l.detail()) {
		folder := bundle(t, dump, q)
		text := string(read(t, filepath.Join(folder, "README.txt")))
		for _, want := range []string{"bookaudit verify", "--key", "personal data", "prove", "Friday, November", ledgerID} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: it does not speak of %q", name, want)
			}
		}
		for _, file := range names(t, folder) {
			if !strings.Contains(text, "\n"+file+" ") {
				t.Errorf("%s: it does not name %s", name, file)
			}
		}
		for _, line := range strings.Split(text, "\n") {
			if len(line) > 100 {
				t.Errorf("%s: the line %q is long", name, line)
			}
		}
	}
}

// TestRowShowsNobodyElse holds that the proof of a row has nothing of other
// consumers in it.
func TestRowShowsNobodyElse(t *testing.T) {
	l := sample(t)
	dump := l.dump()
	for _, q := range []proof.Request{requests(l.detail())["row"], requests(l.detail())["absent"]} {
		folder := bundle(t, dump, q)
		for _, file := range names(t, folder) {
			text := string(read(t, filepath.Join(folder, file)))
			for n := range 12 {
				if other := id(n); other != q.Case && strings.Contains(text, other) {
					t.Errorf("%s holds the case %s", file, other)
				}
			}
			if file != "row.json" && strings.Contains(text, q.Case) {
				t.Errorf("%s holds the case itself", file)
			}
		}
	}
}

// TestRefuses holds what evidence cannot be made of, and that nothing is left
// behind.
func TestRefuses(t *testing.T) {
	l := sample(t)
	dump, d := l.dump(), l.detail()
	sealed := bytes.Index(dump, []byte(`"type":"ledger.sealed.v1"`))
	unsealed := dump[:bytes.LastIndexByte(dump[:sealed], '\n')+1]
	signed := bytes.Index(dump, []byte(`"type":"ledger.seal_signed.v1"`))
	unsigned := dump[:bytes.LastIndexByte(dump[:signed], '\n')+1]
	later := sample(t)
	later.pass(20261127)
	for name, c := range map[string]struct {
		dump []byte
		q    proof.Request
		want error
		says string
	}{
		"no seal":            {unsealed, proof.Request{Friday: fridays[0]}, proof.ErrNotSealed, "dump the journal again"},
		"no signature":       {unsigned, proof.Request{Friday: fridays[0]}, proof.ErrNotSealed, "no later record a signature"},
		"a Friday unsealed":  {later.dump(), proof.Request{Friday: 20261127}, proof.ErrNotSealed, "not sealed"},
		"no Friday":          {dump, proof.Request{Friday: 20261119}, checkpoint.ErrNone, "Thursday"},
		"not come":           {dump, proof.Request{Friday: 20301122}, checkpoint.ErrNone, "has not come"},
		"nobody":             {dump, proof.Request{Agent: "A77"}, book.ErrUnknown, "A77"},
		"several rows":       {dump, proof.Request{Kind: proof.Row, Case: d.several}, proof.ErrWhich, "several rows"},
		"half of an absence": {dump, proof.Request{Kind: proof.Row, Case: d.caseID, Member: "M9"}, proof.ErrWhich, "both the member and the year"},
		"no dump":            {nil, proof.Request{}, nil, ""},
		"no genesis":         {dump[bytes.IndexByte(dump, '\n')+1:], proof.Request{}, proof.ErrDiffers, "record 2"},
	} {
		folder, err := tryBundle(t, c.dump, c.q)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if left := names(t, filepath.Dir(folder)); len(left) != 0 {
			t.Errorf("%s: it leaves %v", name, left)
		}
	}
	folder := bundle(t, dump, proof.Request{})
	err := proof.Make(context.Background(), proof.Request{Kind: proof.Whole, Agent: agentID, Friday: fridays[2], Journal: file(t, dump), Out: folder})
	if err == nil || !strings.Contains(err.Error(), "not empty") || verify(folder) != nil {
		t.Errorf("over another bundle: %v", err)
	}
	if _, err := proof.Verify(context.Background(), filepath.Join(folder, "nowhere"), proof.Options{}); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, proof.ErrDiffers) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := proof.Verify(context.Background(), file(t, nil), proof.Options{}); err == nil || errors.Is(err, proof.ErrDiffers) {
		t.Errorf("a file: %v", err)
	}
	wants(t, verify(t.TempDir()), "holds no bundle.json")
	empty := t.TempDir()
	if err := proof.Make(context.Background(), proof.Request{Kind: proof.Whole, Agent: agentID, Friday: fridays[2], Journal: file(t, dump), Out: empty}); err != nil || verify(empty) != nil {
		t.Errorf("into an empty folder: %v", err)
	}
}
