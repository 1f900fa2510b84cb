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

// TestRejectsForeignFiles puts files of the statement from another ledger, another
// Friday and another key into a bundle: one at a time, and each with all before it.
func TestRejectsForeignFiles(t *testing.T) {
	otherHistory := plainHistory
	otherHistory.id = "L-2"
	other := newTestLedger(otherHistory)
	statement := []string{sealFile, sealProofFile, headFile, boundaryProofFile, earlierHeadFile, earlierProofFile, agentProofFile}
	for _, kind := range []Kind{Whole, Records} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			folder := cachedBundle(t, string(kind))
			for _, from := range []string{makeBundle(t, other, Request{Kind: kind}), makeBundle(t, sampleLedger(), Request{Kind: kind, Friday: fridays[1]})} {
				replaced := map[string][]byte{}
				for _, name := range statement {
					replaced[name] = readFile(t, from, name)
					wantMismatch(t, verifyError(tamper(t, folder, replaced)))
					if !bytes.Equal(replaced[name], readFile(t, folder, name)) { // place.json is the same: both ledgers have the same books
						wantMismatch(t, verifyError(tamper(t, folder, map[string][]byte{name: replaced[name]})))
					}
				}
			}
			// Replace the head in every file by one that another key signed.
			head := readFile(t, folder, headFile)
			forged := signHead(must(treehead.OpenUnverified(head)), sampleLedger().origin(), privateKey(9))
			files := map[string][]byte{}
			for _, name := range []string{headFile, sealProofFile, boundaryProofFile, earlierProofFile} {
				files[name] = bytes.ReplaceAll(readFile(t, folder, name), head, forged)
			}
			wantMismatch(t, verifyError(tamper(t, folder, files)), "not signed by the ledger's key")

			// The auditor's key must not be a later key of the ledger or an unrelated one.
			for _, key := range []string{sampleLedger().keyText(privateKey(2)), sampleLedger().keyText(privateKey(3)), other.keyText(privateKey(1))} {
				_, err := Verify(context.Background(), cachedBundle(t, map[Kind]string{Whole: "whole of the first Friday", Records: "records of the first"}[kind]), Options{Key: key})
				wantMismatch(t, err, "the key given with --key is not")
			}
		})
	}
}

// TestRejectsLaterHead proves a seal under a head that is later than the seal's own.
func TestRejectsLaterHead(t *testing.T) {
	folder, head := makeBundle(t, sampleLedger(), Request{Friday: fridays[1]}), readFile(t, cachedBundle(t, "whole"), headFile)
	open := func() (*os.File, error) { return os.Open(filepath.Join(folder, journalFile)) }
	d := must(derive(t.Context(), open, Request{Kind: Whole, Agent: testAgent, Friday: fridays[1]}))
	s := must(d.makeStatement())
	s.head = signedHead{must(treehead.OpenUnverified(head)), head}
	wantMismatch(t, verifyError(tamper(t, folder, must(s.files(d)))), headFile+" does not match the journal's seal")
}

// TestRejectsGrowingDump adds a record to a dump while it is read.
func TestRejectsGrowingDump(t *testing.T) {
	folder := cachedBundle(t, "whole")
	text := readFile(t, folder, journalFile)
	short := filepath.Join(t.TempDir(), "dump")
	if err := os.WriteFile(short, text[:bytes.LastIndexByte(text[:len(text)-1], '\n')+1], 0o600); err != nil {
		t.Fatal(err)
	}
	paths := []string{short, filepath.Join(folder, journalFile)}
	_, err := derive(t.Context(), func() (f *os.File, err error) {
		f, err = os.Open(paths[0])
		paths = paths[1:]
		return f, err
	}, Request{Kind: Whole, Agent: testAgent, Friday: fridays[1]})
	wantMismatch(t, err, "grew while it was read")
}

// TestDetectsFork checks histories that share a prefix with the true one.
func TestDetectsFork(t *testing.T) {
	folder := cachedBundle(t, "whole")
	published, head := readFile(t, folder, earlierHeadFile), readFile(t, folder, headFile) // the heads of the second and the last Friday
	forked := plainHistory
	forked.changeEvent = func(n int, body []byte) []byte {
		if n == 18 {
			return replaceText(`"agent_id":"A`, `"agent_id":"A1`)(body)
		}
		return body
	}
	key := sampleLedger().keyText(privateKey(1))

	t.Run("by an attacker's key", func(t *testing.T) {
		attackers := plainHistory
		attackers.key = 8
		bundle := makeBundle(t, newTestLedger(attackers), Request{})
		if err := verifyError(bundle); err != nil {
			t.Fatal("without the ledger's key, the bundle must verify:", err)
		}
		_, err := Verify(context.Background(), bundle, Options{Key: key})
		wantMismatch(t, err, "the key given with --key is not")
		_, err = Verify(context.Background(), bundle, Options{Head: head})
		wantMismatch(t, err, "the head given with --head", "forked")
	})
	t.Run("with the head that was published", func(t *testing.T) {
		h := forked
		h.published = map[events.Date][]byte{fridays[1]: published}
		_, err := makeFromDump(t, newTestLedger(h).text.Bytes(), t.TempDir(), Request{})
		wantMismatch(t, err, "forked")
	})
	t.Run("with all heads signed again", func(t *testing.T) {
		for _, kind := range []Kind{Whole, Records} {
			bundle := makeBundle(t, newTestLedger(forked), Request{Kind: kind})
			if err := verifyError(bundle); err != nil {
				t.Fatal("the owner of the key can forge a bundle that verifies without a trusted head:", err)
			}
			for _, kept := range [][]byte{published, head} {
				_, err := Verify(context.Background(), bundle, Options{Head: kept, Key: key})
				wantMismatch(t, err, "forked")
			}
			// The earlier head in the bundle is the published one.
			wantMismatch(t, verifyError(tamper(t, bundle, map[string][]byte{earlierHeadFile: published})), "forked")
		}
	})
	t.Run("instead of the true dump", func(t *testing.T) {
		wantMismatch(t, verifyError(tamper(t, folder, map[string][]byte{journalFile: newTestLedger(forked).text.Bytes()})), "forked", headFile)
	})
	t.Run("a shorter dump instead of the true one", func(t *testing.T) {
		shorter := plainHistory
		shorter.changeEvent = func(n int, body []byte) []byte {
			if n > 18 && n < 28 {
				return nil
			}
			return body
		}
		n := newTestLedger(shorter)
		if n.records >= uint64(sizeOfHead(t, folder, headFile)) {
			t.Fatalf("the forged ledger has %d records, want fewer than the head covers", n.records)
		}
		wantMismatch(t, verifyError(tamper(t, folder, map[string][]byte{journalFile: n.text.Bytes()})), "the head in head-before.txt")
	})
}

// TestNarrowestRange changes an event. The error must say that the change is after the
// last seal or head that matches, and not after the first that does not.
func TestNarrowestRange(t *testing.T) {
	t.Parallel()
	folder := cachedBundle(t, "whole")
	all := splitLines(readFile(t, folder, journalFile))
	wantRange := func(at int, old, to, want string) {
		t.Helper()
		changed := slices.Clone(all)
		changed[at] = replaceText(old, to)(changed[at])
		wantMismatch(t, verifyError(tamper(t, folder, map[string][]byte{journalFile: joinLines(changed...)})), want)
	}
	// Find the tree size of each seal, and the size of the head that covers its record.
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
			t.Fatalf("no event in week %d contains a name", week)
		}
		wantRange(at, `"first_name":"`, `"first_name":"X`, fmt.Sprintf("between record %d and %d, or at record %d itself", after+1, size, heads[week]))
		after = heads[week]
	}
	// The head that covers a seal reveals that the seal was changed.
	wantRange(heads[0]-1, `"rows":`, `"rows":1`, fmt.Sprintf("between record %d and %d, or earlier, if the seal in record %d was rewritten too", seals[0]+1, heads[0], heads[0]))
}

// TestTrustedHead checks that the auditor's head is compared, no matter who signed it, and that
// Verify fails if the head cannot be compared.
func TestTrustedHead(t *testing.T) {
	kept := readFile(t, cachedBundle(t, "whole"), earlierHeadFile)
	h := must(treehead.OpenUnverified(kept))
	witnessed := func(h treehead.Head) []byte { return signHead(h, "witness.example", privateKey(7)) }
	root, ledger := h, h
	root.Root[3]++
	ledger.Origin = treehead.Origin("L-2")
	for _, bundle := range []string{"whole", "records"} {
		t.Run(bundle, func(t *testing.T) {
			t.Parallel()
			folder := cachedBundle(t, bundle)
			r, err := Verify(context.Background(), folder, Options{Head: witnessed(h)})
			if err != nil || !strings.Contains(strings.Join(r.Checked, "\n"), "that you gave belongs to the same history") || !strings.Contains(strings.Join(r.NotProven, "\n"), "carries no signature") {
				t.Errorf("with a witness's head: got %+v, %v", r, err)
			}
			for want, heads := range map[string][][]byte{
				"forked":                         {witnessed(root)},
				"of another ledger":              {witnessed(ledger)},
				"not signed by the ledger's key": {bytes.Replace(kept, []byte(h.Root.String()), []byte(root.Root.String()), 1)},
				"no signature":                   {[]byte(h.Text())},
				"not a well-formed":              {[]byte("nonsense"), []byte("x\n\ny")},
			} {
				for _, head := range heads {
					_, err := Verify(context.Background(), folder, Options{Head: head})
					wantMismatch(t, err, want)
				}
			}
		})
	}
	// Only a bundle with the whole journal can be compared with the first Friday's head.
	oldest := readFile(t, cachedBundle(t, "whole of the first Friday"), headFile)
	if _, err := Verify(context.Background(), cachedBundle(t, "whole"), Options{Head: oldest}); err != nil {
		t.Error(err)
	}
	_, err := Verify(context.Background(), cachedBundle(t, "row"), Options{Head: oldest})
	wantMismatch(t, err, "cannot be compared")
	longer := h
	longer.Size = sampleLedger().records + 1
	_, err = Verify(context.Background(), cachedBundle(t, "whole"), Options{Head: witnessed(longer)})
	wantMismatch(t, err, "later records are missing")
}
