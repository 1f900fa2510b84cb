package proof

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bookledger/events"
	"bookledger/events/record/treehead"
)

// TestForeign puts the files that state the seal of another ledger, of another
// Friday, and of another key into a bundle, one by one and all up to each.
func TestForeign(t *testing.T) {
	another := plain
	another.id = "L-2"
	other := newNode(another)
	stating := []string{sealFile, sealedFile, headFile, boundaryFile, beforeFile, sinceFile, placeFile}
	for _, kind := range []Kind{Whole, Records} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			folder := bundleOf(t, string(kind))
			for _, from := range []string{bundleFrom(t, other, Request{Kind: kind}), bundleFrom(t, sample(), Request{Kind: kind, Friday: fridays[1]})} {
				taken := map[string][]byte{}
				for _, name := range stating {
					taken[name] = read(t, from, name)
					wants(t, verifies(tampered(t, folder, taken)))
					if !bytes.Equal(taken[name], read(t, folder, name)) { // the books of both ledgers are the same
						wants(t, verifies(tampered(t, folder, map[string][]byte{name: taken[name]})))
					}
				}
			}
			// Signed by another key, in every place where the head stands.
			head := read(t, folder, headFile)
			forged := signHead(must(treehead.OpenUnverified(head)), sample().origin(), private(9))
			files := map[string][]byte{}
			for _, name := range []string{headFile, sealedFile, boundaryFile, sinceFile} {
				files[name] = bytes.ReplaceAll(read(t, folder, name), head, forged)
			}
			wants(t, verifies(tampered(t, folder, files)), "not signed by the ledger's key")

			// Neither a stranger's key nor one that came later vouches for a head.
			for _, key := range []string{sample().vkey(private(2)), sample().vkey(private(3)), other.vkey(private(1))} {
				_, err := Verify(context.Background(), bundleOf(t, map[Kind]string{Whole: "whole of the first Friday", Records: "records of the first"}[kind]), Options{Key: key})
				wants(t, err, "the key that was given")
			}
		})
	}
}

// TestLaterHead proves a seal under a later head than the record has for it.
func TestLaterHead(t *testing.T) {
	folder, head := bundleFrom(t, sample(), Request{Friday: fridays[1]}), read(t, bundleOf(t, "whole"), headFile)
	open := func() (*os.File, error) { return os.Open(filepath.Join(folder, journalFile)) }
	d := must(derive(t.Context(), open, Request{Kind: Whole, Agent: agentID, Friday: fridays[1]}))
	s := must(d.statement())
	s.head = signedHead{must(treehead.OpenUnverified(head)), head}
	wants(t, verifies(tampered(t, folder, must(s.files(d)))), headFile+" is not what the record has")
}

// TestGrown holds that a dump to which a record is added while it is read is
// refused.
func TestGrown(t *testing.T) {
	folder := bundleOf(t, "whole")
	text := read(t, folder, journalFile)
	short := filepath.Join(t.TempDir(), "dump")
	if err := os.WriteFile(short, text[:bytes.LastIndexByte(text[:len(text)-1], '\n')+1], 0o600); err != nil {
		t.Fatal(err)
	}
	paths := []string{short, filepath.Join(folder, journalFile)}
	_, err := derive(t.Context(), func() (f *os.File, err error) {
		f, err = os.Open(paths[0])
		paths = paths[1:]
		return f, err
	}, Request{Kind: Whole, Agent: agentID, Friday: fridays[1]})
	wants(t, err, "has grown while it was read")
}

// TestFork builds histories that share a prefix with the true one.
func TestFork(t *testing.T) {
	folder := bundleOf(t, "whole")
	published, head := read(t, folder, beforeFile), read(t, folder, headFile) // of the second and of the last Friday
	forked := plain
	forked.edit = func(n int, body []byte) []byte {
		if n == 18 {
			return put(`"agent_id":"A`, `"agent_id":"A1`)(body)
		}
		return body
	}
	key := sample().vkey(private(1))

	t.Run("by an attacker's key", func(t *testing.T) {
		theirs := plain
		theirs.key = 8
		bundle := bundleFrom(t, newNode(theirs), Request{})
		if err := verifies(bundle); err != nil {
			t.Fatal("it is as good as any, but for its key:", err)
		}
		_, err := Verify(context.Background(), bundle, Options{Key: key})
		wants(t, err, "the key that was given")
		_, err = Verify(context.Background(), bundle, Options{Head: head})
		wants(t, err, "the head that was kept", "forked")
	})
	t.Run("with the head that was published", func(t *testing.T) {
		h := forked
		h.published = map[events.Date][]byte{fridays[1]: published}
		_, err := makeFrom(t, newNode(h).text.Bytes(), t.TempDir(), Request{})
		wants(t, err, "forked")
	})
	t.Run("with all heads signed anew", func(t *testing.T) {
		for _, kind := range []Kind{Whole, Records} {
			bundle := bundleFrom(t, newNode(forked), Request{Kind: kind})
			if err := verifies(bundle); err != nil {
				t.Fatal("the holder of the key can do that:", err)
			}
			for _, kept := range [][]byte{published, head} {
				_, err := Verify(context.Background(), bundle, Options{Head: kept, Key: key})
				wants(t, err, "forked")
			}
			// The head of the Friday before is the one that others have.
			wants(t, verifies(tampered(t, bundle, map[string][]byte{beforeFile: published})), "forked")
		}
	})
	t.Run("in place of the true dump", func(t *testing.T) {
		wants(t, verifies(tampered(t, folder, map[string][]byte{journalFile: newNode(forked).text.Bytes()})), "forked", headFile)
	})
	t.Run("a shorter dump in place of the true one", func(t *testing.T) {
		shorter := plain
		shorter.edit = func(n int, body []byte) []byte {
			if n > 18 && n < 28 {
				return nil
			}
			return body
		}
		n := newNode(shorter)
		if n.records >= uint64(headSize(t, folder, headFile)) {
			t.Fatalf("it has %d records", n.records)
		}
		wants(t, verifies(tampered(t, folder, map[string][]byte{journalFile: n.text.Bytes()})), "the head in head-before.txt")
	})
}

// TestNarrowestRange holds that a changed event is said to stand after the last
// signed head that fits and not after the first seal or head that does not.
func TestNarrowestRange(t *testing.T) {
	t.Parallel()
	folder := bundleOf(t, "whole")
	all := linesOf(read(t, folder, journalFile))
	says := func(at int, old, to, want string) {
		t.Helper()
		changed := slices.Clone(all)
		changed[at] = put(old, to)(changed[at])
		wants(t, verifies(tampered(t, folder, map[string][]byte{journalFile: joined(changed...)})), want)
	}
	// As one who reads the dump finds them: what each seal is of, and the head
	// that holds it.
	var seals, heads []int
	for n, line := range all {
		if bytes.Contains(line, []byte(`"type":"ledger.sealed.v1"`)) {
			var size int
			_, rest, _ := strings.Cut(string(line), `"tree_size":`)
			if _, err := fmt.Sscan(rest[:strings.IndexAny(rest, ",}")], &size); err != nil {
				t.Fatal(err)
			}
			seals, heads = append(seals, size), append(heads, n+1)
		}
	}
	after := 0
	for week, size := range seals {
		at := after + (size-after)/2
		for !bytes.Contains(all[at], []byte(`"first_name":"`)) {
			at++
		}
		if at >= size {
			t.Fatalf("no event of week %d has a name", week)
		}
		says(at, `"first_name":"`, `"first_name":"X`, fmt.Sprintf("between record %d and %d, or at record %d itself", after+1, size, heads[week]))
		after = heads[week]
	}
	// A seal that was changed is found by the head that holds it.
	says(heads[0]-1, `"rows":`, `"rows":1`, fmt.Sprintf("between record %d and %d, or earlier where the seal in record %d was rewritten too", seals[0]+1, heads[0], heads[0]))
}

// TestKeptHead holds that an auditor's own head is compared whoever has signed
// it, and that one which cannot be compared does not pass for one that was.
func TestKeptHead(t *testing.T) {
	kept := read(t, bundleOf(t, "whole"), beforeFile)
	h := must(treehead.OpenUnverified(kept))
	witnessed := func(h treehead.Head) []byte { return signHead(h, "witness.example", private(7)) }
	root, ledger := h, h
	root.Root[3]++
	ledger.Origin = treehead.Origin("L-2")
	for _, bundle := range []string{"whole", "records"} {
		t.Run(bundle, func(t *testing.T) {
			t.Parallel()
			folder := bundleOf(t, bundle)
			r, err := Verify(context.Background(), folder, Options{Head: witnessed(h)})
			if err != nil || !strings.Contains(strings.Join(r.Checked, "\n"), "that you kept is of the same history") || !strings.Contains(strings.Join(r.NotProven, "\n"), "carries no signature") {
				t.Errorf("the witness's head: %+v, %v", r, err)
			}
			for says, heads := range map[string][][]byte{
				"forked":                         {witnessed(root)},
				"of another ledger":              {witnessed(ledger)},
				"not signed by the ledger's key": {bytes.Replace(kept, []byte(h.Root.String()), []byte(root.Root.String()), 1)},
				"no signature":                   {[]byte(h.Text())},
				"not a well-formed":              {[]byte("nonsense"), []byte("x\n\ny")},
			} {
				for _, head := range heads {
					_, err := Verify(context.Background(), folder, Options{Head: head})
					wants(t, err, says)
				}
			}
		})
	}
	// The head of the first Friday is in no bundle of the last but the whole.
	oldest := read(t, bundleOf(t, "whole of the first Friday"), headFile)
	if _, err := Verify(context.Background(), bundleOf(t, "whole"), Options{Head: oldest}); err != nil {
		t.Error(err)
	}
	_, err := Verify(context.Background(), bundleOf(t, "row"), Options{Head: oldest})
	wants(t, err, "cannot be compared")
	longer := h
	longer.Size = sample().records + 1
	_, err = Verify(context.Background(), bundleOf(t, "whole"), Options{Head: witnessed(longer)})
	wants(t, err, "later records are missing")
}
