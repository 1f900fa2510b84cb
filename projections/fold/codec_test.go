package fold_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"bookledger/projections/fold"
)

// roundTrip holds the codec of one kind of state: every field comes back as it
// was, the encoding depends on the state alone and is appended, any that is
// cut short or goes on is ErrEncoding, and no change of a byte panics.
func roundTrip[T any](t *testing.T, encode func([]byte, *T) []byte, decode func([]byte) (T, error)) {
	rapid.Check(t, func(t *rapid.T) {
		var want T
		drawFields(t, reflect.ValueOf(&want).Elem())
		b := encode([]byte("before"), &want)
		if !bytes.HasPrefix(b, []byte("before")) {
			t.Fatal("the encoding is not appended")
		}
		b = b[len("before"):]
		kept := bytes.Clone(b)
		got, err := decode(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v (%v), want %+v", got, err, want)
		}
		if again := encode(nil, &got); !bytes.Equal(again, kept) {
			t.Fatalf("encoded as %x, then as %x", kept, again)
		}
		short := b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut at")]
		if _, err := decode(short); !errors.Is(err, fold.ErrEncoding) {
			t.Fatalf("cut short from %d to %d bytes: %v", len(b), len(short), err)
		}
		if _, err := decode(append(bytes.Clone(b), 0)); !errors.Is(err, fold.ErrEncoding) {
			t.Fatalf("with a byte behind: %v", err)
		}
		b[rapid.IntRange(0, len(b)-1).Draw(t, "broken at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := decode(b); err != nil && !errors.Is(err, fold.ErrEncoding) {
			t.Fatalf("with a bit flipped: %v", err)
		}
		clear(b)
		if !bytes.Equal(encode(nil, &got), kept) {
			t.Fatal("the state shares the memory of what it was decoded from")
		}
	})
}

// TestCodecRoundTrip holds that cases, agents, agencies and staff are kept whole, every
// field of theirs.
func TestCodecRoundTrip(t *testing.T) {
	t.Run("case", func(t *testing.T) { roundTrip(t, fold.AppendCase, fold.DecodeCase) })
	t.Run("agent", func(t *testing.T) { roundTrip(t, fold.AppendAgent, fold.DecodeAgent) })
	t.Run("agency", func(t *testing.T) { roundTrip(t, fold.AppendAgency, fold.DecodeAgency) })
	t.Run("staff", func(t *testing.T) { roundTrip(t, fold.AppendStaff, fold.DecodeStaff) })
}

// TestDifferentStatesEncodeDifferently holds that two states which differ anywhere differ
// in their encoding, since the state hash is over it.
func TestDifferentStatesEncodeDifferently(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a, b fold.Case
		drawFields(t, reflect.ValueOf(&a).Elem())
		drawFields(t, reflect.ValueOf(&b).Elem())
		if rapid.Bool().Draw(t, "alike but for the delegation") {
			agent := b.AgentID
			b = a
			b.AgentID = agent
		}
		if same := bytes.Equal(fold.AppendCase(nil, &a), fold.AppendCase(nil, &b)); same != reflect.DeepEqual(a, b) {
			t.Fatalf("encoded alike: %t\n%+v\n%+v", same, a, b)
		}
	})
}

// TestDecodeRejectsExcessiveLengths holds that what claims more than there is is ErrEncoding,
// at once: no count or length is believed.
func TestDecodeRejectsExcessiveLengths(t *testing.T) {
	empty := fold.AppendCase(nil, new(fold.Case))
	for name, b := range map[string][]byte{
		"nothing":          {},
		"a huge text":      {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"an endless count": bytes.Repeat([]byte{0xff}, 40),
		"a huge list":      append(bytes.Repeat([]byte{0}, 6), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
		"zeros alone":      make([]byte, len(empty)+1),
		"one short":        empty[:len(empty)-1],
	} {
		if c, err := fold.DecodeCase(b); !errors.Is(err, fold.ErrEncoding) {
			t.Errorf("%s: read as %+v (%v)", name, c, err)
		}
	}
}

// FuzzDecodeCase reads anything: it never panics, an error is ErrEncoding, and
// what is read is a state that is kept whole.
func FuzzDecodeCase(f *testing.F) {
	c := heldCase("a1", true, "a2")
	f.Add(fold.AppendCase(nil, &c))
	f.Add(fold.AppendCase(nil, new(fold.Case)))
	f.Add([]byte{1, 'x', 1, 0, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := fold.DecodeCase(b)
		if err != nil {
			if !errors.Is(err, fold.ErrEncoding) {
				t.Fatal(err)
			}
			return
		}
		kept := fold.AppendCase(nil, &got)
		again, err := fold.DecodeCase(kept)
		if err != nil || !bytes.Equal(fold.AppendCase(nil, &again), kept) {
			t.Fatalf("%x is read as %+v, and that as %+v (%v)", b, got, again, err)
		}
	})
}
