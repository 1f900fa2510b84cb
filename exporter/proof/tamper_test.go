package proof_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bookledger/events/record/treehead"
	"bookledger/exporter/proof"
)

// tampered changes one file of a copy of a bundle and makes the manifest fit.
func tampered(tb testing.TB, folder, name string, change func([]byte) []byte) string {
	tb.Helper()
	to := copied(tb, folder)
	path := filepath.Join(to, name)
	write(tb, path, change(read(tb, path)))
	remake(tb, to)
	return to
}

// lines cuts a dump into lines, each with its end.
func lines(text []byte) [][]byte { return slices.Collect(bytes.Lines(text)) }

func joined(lines [][]byte) []byte { return bytes.Join(lines, nil) }

// underHead is how many records the signed head of a bundle holds.
func underHead(tb testing.TB, folder string) (n int) {
	tb.Helper()
	if _, err := fmt.Sscan(strings.Split(string(read(tb, filepath.Join(folder, "head.txt"))), "\n")[1], &n); err != nil {
		tb.Fatal(err)
	}
	return n
}

// TestChangedByte changes a byte in each member of lines of the dump, before
// the boundary and after it, by somebody who makes the manifest fit.
func TestChangedByte(t *testing.T) {
	folder := bundle(t, sample(t).dump(), proof.Request{})
	all := lines(read(t, filepath.Join(folder, "journal.ndjson")))
	signed := underHead(t, folder)
	const seed = 7
	dice := rand.New(rand.NewPCG(seed, seed))
	found := map[string]int{}
	sampled := []int{0, 1, 2, 3, 4, signed - 3, signed - 2, signed - 1} // genesis, history, the boundary, the clock, the seal
	for range 12 {
		sampled = append(sampled, dice.IntN(signed))
	}
	for _, n := range sampled {
		for _, member := range []string{`"seq":`, `"stamped":"`, `"recorded":"`, `"subject":"`, `"header":"`, `"event":{`, `"id":"`, `"source":"`, `"type":"`, `"time":"`, `"data":{`} {
			at := bytes.Index(all[n], []byte(member))
			if at < 0 {
				continue
			}
			at += len(member) + dice.IntN(5)
			changed := slices.Clone(all)
			changed[n] = bytes.Clone(all[n])
			if changed[n][min(at, len(changed[n])-2)] ^= 1; bytes.Equal(changed[n], all[n]) {
				t.Fatal("nothing was changed")
			}
			err := verify(tampered(t, folder, "journal.ndjson", func([]byte) []byte { return joined(changed) }))
			wants(t, err)
			if t.Failed() {
				t.Fatalf("seed %d: line %d: %s", seed, n+1, changed[n])
			}
			found[member]++
		}
	}
	if len(found) != 11 {
		t.Errorf("only these members were changed: %v", found)
	}
}

// TestChangedLines removes, swaps, doubles and inserts lines of the dump, with
// their sequences as they were and with new ones, cuts it off, and changes its
// ends of lines.
func TestChangedLines(t *testing.T) {
	l := sample(t)
	folder := bundle(t, l.dump(), proof.Request{})
	all := lines(read(t, filepath.Join(folder, "journal.ndjson")))
	signed := underHead(t, folder)
	renumbered := func(lines [][]byte) [][]byte {
		out := make([][]byte, len(lines))
		for i, line := range lines {
			_, rest, _ := bytes.Cut(line, []byte(","))
			out[i] = append(fmt.Appendf(nil, `{"seq":%d,`, i+1), rest...)
		}
		return out
	}
	swapped := slices.Clone(all)
	swapped[20], swapped[21] = swapped[21], swapped[20]
	for name, c := range map[string]struct {
		lines [][]byte
		says  []string
	}{
		"a line deleted":                {slices.Delete(slices.Clone(all), 20, 21), []string{"record 22: the one before it was 20"}},
		"deleted and renumbered":        {renumbered(slices.Delete(slices.Clone(all), 20, 21)), []string{"forked", "rewritten"}},
		"the first line deleted":        {all[1:], []string{"record 2"}},
		"two lines swapped":             {swapped, []string{"record 22"}},
		"swapped and renumbered":        {renumbered(swapped), []string{"line 22", "forked"}},
		"a line doubled":                {slices.Insert(slices.Clone(all), 20, all[20]), []string{"record 21: the one before it was 21"}},
		"inserted and renumbered":       {renumbered(slices.Insert(slices.Clone(all), 20, all[20])), []string{"forked"}},
		"a blank line":                  {slices.Insert(slices.Clone(all), 20, []byte("\n")), []string{"line 21 of the dump is blank"}},
		"a blank line at the end":       {append(slices.Clone(all), []byte("\n")), []string{"blank line"}},
		"the end of the last cut off":   {append(slices.Clone(all[:len(all)-1]), bytes.TrimSuffix(all[len(all)-1], []byte("\n"))), []string{"cut off"}},
		"half a line":                   {append(slices.Clone(all[:len(all)-1]), all[len(all)-1][:50]), []string{fmt.Sprintf("line %d", len(all))}},
		"a space in a line":             {append([][]byte{bytes.Replace(all[0], []byte(`,"stamped"`), []byte(`, "stamped"`), 1)}, all[1:]...), []string{"line 1 of the dump"}},
		"cut off before the boundary":   {all[:30], []string{fmt.Sprintf("ends with record 30, and the head in head.txt is of %d", signed)}},
		"cut off before the seal":       {all[:signed-1], []string{fmt.Sprintf("ends with record %d, and the head in head.txt is of %d", signed-1, signed)}},
		"cut off before the signature":  {all[:signed], []string{fmt.Sprintf("ends with record %d, and the records from which seal.ndjson and head.txt were taken are not all in it", signed)}},
		"nothing left":                  {nil, []string{fmt.Sprintf("holds no record, and the head in head.txt is of %d", signed)}},
		"a line that is no record":      {append(slices.Clone(all), []byte("{}\n")), []string{"line"}},
		"a line without an object":      {append(slices.Clone(all), []byte("17\n")), []string{"line"}},
		"an unknown member in a line":   {append([][]byte{bytes.Replace(all[0], []byte(`{"seq":1,`), []byte(`{"seq":1,"x":2,`), 1)}, all[1:]...), []string{"line 1 of the dump"}},
		"a line without its recorded":   {append(slices.Clone(all[:len(all)-1]), withoutRecorded(all[len(all)-1])), []string{fmt.Sprintf("line %d", len(all))}},
		"Windows ends of lines":         {[][]byte{bytes.ReplaceAll(joined(all), []byte("\n"), []byte("\r\n"))}, []string{"line 1"}},
		"a record after a higher stamp": {append(slices.Clone(all), all[len(all)-1]), []string{"the one before it was"}},
	} {
		to := tampered(t, folder, "journal.ndjson", func([]byte) []byte { return joined(c.lines) })
		err := verify(to)
		wants(t, err, c.says...)
		if t.Failed() {
			t.Fatal(name)
		}
		if strings.Contains(err.Error(), "daemon") {
			t.Errorf("%s: an auditor is told what operators do: %v", name, err)
		}
		// Who cannot make the manifest fit is found out by that alone.
		bad := copied(t, folder)
		write(t, filepath.Join(bad, "journal.ndjson"), joined(c.lines))
		wants(t, verify(bad), "journal.ndjson has")
	}
}

func withoutRecorded(line []byte) []byte {
	before, rest, _ := bytes.Cut(line, []byte(`,"recorded":"`))
	_, after, _ := bytes.Cut(rest, []byte(`"`))
	return slices.Concat(before, after)
}

// TestForeignSeal puts the seal, heads and proofs of another ledger, of another
// Friday, and of another key into a bundle.
func TestForeignSeal(t *testing.T) {
	l := sample(t)
	dump := l.dump()
	other := sampleOf(t, "L-2", private(1), 12)
	for _, kind := range []proof.Kind{proof.Whole, proof.Records} {
		folder := bundle(t, dump, proof.Request{Kind: kind})
		foreign := bundle(t, other.dump(), proof.Request{Kind: kind})
		earlier := bundle(t, dump, proof.Request{Kind: kind, Friday: fridays[1]})
		sealing := []string{"seal.ndjson", "seal.tlog-proof", "head.txt", "boundary-to-head.txt", "head-before.txt", "before-to-head.txt", "place.json"}
		for _, from := range []string{foreign, earlier} {
			for n := range sealing {
				to := copied(t, folder)
				for _, name := range sealing[:n+1] {
					write(t, filepath.Join(to, name), read(t, filepath.Join(from, name)))
				}
				remake(t, to)
				wants(t, verify(to))
				if bytes.Equal(read(t, filepath.Join(from, sealing[n])), read(t, filepath.Join(folder, sealing[n]))) {
					continue // the books of both ledgers are the same
				}
				one := tampered(t, folder, sealing[n], func([]byte) []byte { return read(t, filepath.Join(from, sealing[n])) })
				wants(t, verify(one))
			}
		}
		// Signed by another key, in every place where the head stands.
		h := read(t, filepath.Join(folder, "head.txt"))
		false0 := l.signHead(headOf(t, l, h), private(9))
		to := copied(t, folder)
		for _, name := range []string{"head.txt", "seal.tlog-proof", "boundary-to-head.txt", "before-to-head.txt"} {
			path := filepath.Join(to, name)
			write(t, path, bytes.ReplaceAll(read(t, path), h, false0))
		}
		remake(t, to)
		wants(t, verify(to), "not signed by the ledger's key")
	}
	// The record itself has a signature by another key alone.
	forged := sampleOf(t, ledgerID, private(1), 12)
	forged.pass(20261127)
	forged.keys = append(forged.keys, private(9))
	forged.seal(20261127)
	if _, err := tryBundle(t, forged.dump(), proof.Request{Friday: 20261127}); err == nil || !strings.Contains(err.Error(), "no later record a signature") {
		t.Errorf("signed by another key: %v", err)
	}
}

// TestFork builds histories that share a prefix with the true one.
func TestFork(t *testing.T) {
	l := sample(t)
	folder := bundle(t, l.dump(), proof.Request{})
	published := read(t, filepath.Join(folder, "head-before.txt")) // that of the second Friday
	head := read(t, filepath.Join(folder, "head.txt"))

	t.Run("by an attacker's key", func(t *testing.T) {
		forged := bundle(t, sampleOf(t, ledgerID, private(8), 12).dump(), proof.Request{})
		if err := verify(forged); err != nil {
			t.Fatal("it is as good as any, but for its key:", err)
		}
		_, err := proof.Verify(context.Background(), forged, proof.Options{Key: l.vkey(private(1))})
		wants(t, err, "the key that was given")
		_, err = proof.Verify(context.Background(), forged, proof.Options{Head: head})
		wants(t, err, "the head that was kept", "forked")
	})
	t.Run("with the head that was published", func(t *testing.T) {
		_, err := tryBundle(t, forked(t, l, published).dump(), proof.Request{})
		wants(t, err, "forked")
	})
	t.Run("with all heads signed anew", func(t *testing.T) {
		dump := forked(t, l, nil).dump()
		for _, kind := range []proof.Kind{proof.Whole, proof.Records} {
			forged := bundle(t, dump, proof.Request{Kind: kind})
			if err := verify(forged); err != nil {
				t.Fatal("the holder of the key can do that:", err)
			}
			for _, kept := range [][]byte{published, head} {
				_, err := proof.Verify(context.Background(), forged, proof.Options{Head: kept, Key: l.vkey(private(1))})
				wants(t, err, "forked")
			}
			// The head of the Friday before is the one that others have.
			old := tampered(t, forged, "head-before.txt", func([]byte) []byte { return published })
			wants(t, verify(old), "forked")
		}
	})
	t.Run("a shorter dump for another", func(t *testing.T) {
		dump := forkedShorter(t, l).dump()
		if n := len(lines(dump)); n >= underHead(t, folder) {
			t.Fatalf("it has %d records", n)
		}
		wants(t, verify(tampered(t, folder, "journal.ndjson", func([]byte) []byte { return dump })), "the head in head-before.txt")
		// Where no earlier head is there to compare with, it is too short.
		first := bundle(t, l.dump(), proof.Request{Friday: fridays[0]})
		n := underHead(t, first) - 1
		wants(t, verify(tampered(t, first, "journal.ndjson", func(text []byte) []byte { return joined(lines(text)[:n]) })), fmt.Sprintf("ends with record %d, and the head in head.txt is of %d", n, n+1))
	})
	t.Run("the whole dump for another", func(t *testing.T) {
		dump := forked(t, l, nil).dump()
		wants(t, verify(tampered(t, folder, "journal.ndjson", func([]byte) []byte { return dump })), "forked", "head.txt")
	})
}

// forked is a history of the same ledger in which one event is another one,
// and all after it was rebuilt by the holder of the keys; the head that was
// published for the second Friday stands in it as it was, if it is given.
func forked(t *testing.T, l *ledger, published []byte) *ledger {
	f := newLedger(t, ledgerID, private(1))
	f.records, f.keys = nil, l.keys
	for i := range l.records {
		r := l.records[i]
		f.now = r.Stamped.Add(-time.Second)
		switch {
		case i == 20:
			r.Body = bytes.Replace(r.Body, []byte(`"agent_id":"A`), []byte(`"agent_id":"A1`), 1)
		case bytes.Contains(r.Body, []byte("ledger.sealed.v1")):
			f.reseal(fridayOf(r.Body), published != nil)
			continue
		case bytes.Contains(r.Body, []byte("ledger.seal_signed.v1")):
			if published != nil && fridayOf(r.Body) == fridays[1] {
				f.sign(fridays[1], published)
			}
			continue
		}
		f.append(r.Subject, r.Body)
		f.records[len(f.records)-1].Header = r.Header
	}
	return f
}

// forkedShorter is a history of the same ledger that has left some events of its
// weeks out, and was sealed and signed by the holder of the keys.
func forkedShorter(t *testing.T, l *ledger) *ledger {
	f := newLedger(t, ledgerID, private(1))
	f.records, f.keys = nil, l.keys
	for i := range l.records {
		r := l.records[i]
		f.now = r.Stamped.Add(-time.Second)
		switch {
		case bytes.Contains(r.Body, []byte("ledger.sealed.v1")):
			f.reseal(fridayOf(r.Body), false)
			continue
		case bytes.Contains(r.Body, []byte("ledger.seal_signed.v1")):
			continue
		case i > 20 && i < 30:
			continue
		}
		f.append(r.Subject, r.Body)
		f.records[len(f.records)-1].Header = r.Header
		if fridayOf(r.Body) == fridays[2] {
			f.seal(fridays[2])
			return f
		}
	}
	return f
}

// TestNarrowestRange holds that a changed event is said to stand after the last
// signed head that fits and not after the first seal or head that does not.
func TestNarrowestRange(t *testing.T) {
	l := sample(t)
	folder := bundle(t, l.dump(), proof.Request{})
	all := lines(read(t, filepath.Join(folder, "journal.ndjson")))
	// As one who reads the dump finds them: what each seal and each head is of.
	var seals, heads []int
	for n, line := range all {
		if bytes.Contains(line, []byte(`"type":"ledger.sealed.v1"`)) {
			var size int
			_, rest, _ := bytes.Cut(line, []byte(`"tree_size":`))
			if _, err := fmt.Sscan(string(rest[:bytes.IndexAny(rest, ",}")]), &size); err != nil {
				t.Fatal(err)
			}
			seals, heads = append(seals, size), append(heads, n+1)
		}
	}
	for week, size := range seals {
		after := 0
		if week > 0 {
			after = heads[week-1]
		}
		changed := slices.Clone(all)
		at := after + (size-after)/2
		for !bytes.Contains(changed[at], []byte(`"first_name":"`)) {
			at++
		}
		if at >= size {
			t.Fatalf("no event of week %d has a name", week)
		}
		changed[at] = bytes.Replace(changed[at], []byte(`"first_name":"`), []byte(`"first_name":"X`), 1)
		err := verify(tampered(t, folder, "journal.ndjson", func([]byte) []byte { return joined(changed) }))
		wants(t, err, fmt.Sprintf("between record %d and %d, or at record %d itself", after+1, size, heads[week]))
	}
	// A seal that was changed is found by the head that holds it.
	changed := slices.Clone(all)
	changed[heads[0]-1] = bytes.Replace(changed[heads[0]-1], []byte(`"rows":`), []byte(`"rows":1`), 1)
	err := verify(tampered(t, folder, "journal.ndjson", func([]byte) []byte { return joined(changed) }))
	wants(t, err, fmt.Sprintf("between record %d and %d, or earlier where the seal in record %d was rewritten too", seals[0]+1, heads[0], heads[0]))
	// The agent's place is of agents.
	err = verify(tampered(t, folder, "place.json", func(text []byte) []byte { return bytes.Replace(text, []byte(`"rows": `), []byte(`"rows": 1`), 1) }))
	wants(t, err, "among the 4 agents")
}

// signedBy returns a head that somebody else than the ledger has signed.
func signedBy(t *testing.T, h treehead.Head, name string, key ed25519.PrivateKey) []byte {
	t.Helper()
	signer, err := treehead.Signer(name, key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := h.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestKeptHead holds that an auditor's own head is compared whoever has signed
// it, and that one which cannot be compared does not pass for one that was.
func TestKeptHead(t *testing.T) {
	l := sample(t)
	dump := l.dump()
	own := bundle(t, dump, proof.Request{})
	kept := read(t, filepath.Join(own, "head-before.txt"))
	h := headOf(t, l, kept)
	witness := signedBy(t, h, "witness.example", private(7))
	other := h
	other.Root[3]++
	another := h
	another.Origin = treehead.Origin("L-2")
	changed := bytes.Replace(kept, []byte(h.Root.String()), []byte(other.Root.String()), 1)
	for _, kind := range []proof.Kind{proof.Whole, proof.Records} {
		folder := bundle(t, dump, proof.Request{Kind: kind})
		r, err := proof.Verify(context.Background(), folder, proof.Options{Head: witness})
		if err != nil || !strings.Contains(strings.Join(r.Checked, "\n"), "that you kept is of the same history") || !strings.Contains(strings.Join(r.Unproven, "\n"), "carries no signature") {
			t.Errorf("%s: the witness's head: %+v, %v", kind, r, err)
		}
		for what, c := range map[string]struct {
			head []byte
			says string
		}{
			"another root":     {signedBy(t, other, "witness.example", private(7)), "forked"},
			"another ledger":   {signedBy(t, another, "witness.example", private(7)), "of another ledger"},
			"changed":          {changed, "not signed by the ledger's key"},
			"without any name": {[]byte(h.Text()), "no signature"},
			"nonsense":         {[]byte("nonsense"), "not in the form"},
		} {
			_, err := proof.Verify(context.Background(), folder, proof.Options{Head: c.head})
			wants(t, err, c.says)
			if t.Failed() {
				t.Fatal(kind, what)
			}
		}
	}
	// The head of the first Friday is in no bundle of the last but the whole.
	oldest := read(t, filepath.Join(bundle(t, dump, proof.Request{Friday: fridays[0]}), "head.txt"))
	if _, err := proof.Verify(context.Background(), own, proof.Options{Head: oldest}); err != nil {
		t.Error(err)
	}
	_, err := proof.Verify(context.Background(), bundle(t, dump, requests(l.detail())["row"]), proof.Options{Head: oldest})
	wants(t, err, "cannot be compared")
}

// TestFlippedBits flips single bits anywhere in a bundle. Every one is found,
// by the manifest or in it; and by the check itself where the manifest is made
// to fit, but for what is no evidence: the README, records that came after the
// head, in a bundle without the whole record the workbook's own bytes; and
// which row is absent, since another one is absent too.
func TestFlippedBits(t *testing.T) {
	l := sample(t)
	dump := l.dump()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, seed))
	for name, q := range requests(l.detail()) {
		folder := bundle(t, dump, q)
		files := names(t, folder)
		signed := joined(lines(dump)[:underHead(t, folder)])
		for n := range 60 {
			file := files[n%len(files)]
			text := read(t, filepath.Join(folder, file))
			if len(text) == 0 {
				continue
			}
			at, bit := dice.IntN(len(text)), dice.IntN(8)
			to := copied(t, folder)
			flipped := bytes.Clone(text)
			flipped[at] ^= 1 << bit
			write(t, filepath.Join(to, file), flipped)
			if err := verify(to); err == nil {
				t.Fatalf("seed %d: %s: bit %d of byte %d of %s is flipped, and it verifies", seed, name, bit, at, file)
			}
			free := file == "README.txt" || file == "bundle.json" || file == "book.xlsx" && q.Kind == proof.Records || file == "journal.ndjson" && at >= len(signed)
			if claim := bytes.Index(text, []byte("absent_between")); file == "row.json" && at < claim {
				free = true
			}
			if free {
				continue
			}
			remake(t, to)
			if err := verify(to); err == nil {
				t.Fatalf("seed %d: %s: bit %d of byte %d of %s is flipped, the manifest fits, and it verifies: %q", seed, name, bit, at, file, flipped[max(0, at-40):min(len(text), at+40)])
			}
		}
	}
}

// TestFiles holds that every file is accounted for.
func TestFiles(t *testing.T) {
	l := sample(t)
	for _, q := range []proof.Request{{}, {Kind: proof.Records}, requests(l.detail())["row"]} {
		folder := bundle(t, l.dump(), q)
		for _, name := range names(t, folder) {
			to := copied(t, folder)
			if err := os.Remove(filepath.Join(to, name)); err != nil {
				t.Fatal(err)
			}
			if err := verify(to); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("without %s: %v", name, err)
			}
			if err := os.Symlink(filepath.Join(folder, name), filepath.Join(to, name)); err != nil {
				t.Fatal(err)
			}
			if verify(to) == nil {
				t.Errorf("%s may lie elsewhere", name)
			}
		}
		for _, change := range [][2]string{
			{`"version": 1`, `"version": 0`}, {`"kind": "`, `"kind": "x`}, {`"agent": "`, `"agent": "x`}, {`"ledger_id": "`, `"ledger_id": "x`},
			{`"friday": "2026-11-20"`, `"friday": "2026-11-13"`}, {`"name": "head.txt"`, `"name": "../head.txt"`}, {`"name": "head.txt"`, `"name": "/etc/passwd"`},
			{`"files": [`, `"files": [ `}, {`{`, `{"more": 1,`}, {`"head-before.txt"`, `"place.json"`},
		} {
			to := copied(t, folder)
			path := filepath.Join(to, "bundle.json")
			write(t, path, []byte(strings.Replace(string(read(t, path)), change[0], change[1], 1)))
			wants(t, verify(to))
		}
		newer := copied(t, folder)
		path := filepath.Join(newer, "bundle.json")
		write(t, path, []byte(strings.Replace(string(read(t, path)), `"version": 1`, `"version": 2`, 1)))
		wants(t, verify(newer), "newer release")
		more := copied(t, folder)
		write(t, filepath.Join(more, "more.txt"), nil)
		wants(t, verify(more), "more.txt")
		sub := copied(t, folder)
		if err := os.Mkdir(filepath.Join(sub, "sub"), 0o700); err != nil {
			t.Fatal(err)
		}
		wants(t, verify(sub), "sub")
	}
}
