package fold_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"bookledger/projections/fold"
)

// roundTrip checks the codec of one kind of state: decoding returns every field,
// the encoding depends only on the state and is appended, truncated or longer
// input is ErrEncoding, and changing a bit never panics.
func roundTrip[T any](t *testing.T, encode func([]byte, *T) []byte, decode func([]byte) (T, error)) {
	rapid.Check(t, func(t *rapid.T) {
		var want T
		drawFields(t, reflect.ValueOf(&want).Elem())
		b := encode([]byte("before"), &want)
		if !bytes.HasPrefix(b, []byte("before")) {
			t.Fatal("got an encoding without the prefix, want it appended")
		}
		b = b[len("before"):]
		original := bytes.Clone(b)
		got, err := decode(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v (%v), want %+v", got, err, want)
		}
		if again := encode(nil, &got); !bytes.Equal(again, original) {
			t.Fatalf("encoded again: got %x, want %x", again, original)
		}
		short := b[:rapid.IntRange(0, len(b)-1).Draw(t, "length")]
		if _, err := decode(short); !errors.Is(err, fold.ErrEncoding) {
			t.Fatalf("truncated from %d to %d bytes: got %v, want ErrEncoding", len(b), len(short), err)
		}
		if _, err := decode(append(bytes.Clone(b), 0)); !errors.Is(err, fold.ErrEncoding) {
			t.Fatalf("one more byte: got %v, want ErrEncoding", err)
		}
		b[rapid.IntRange(0, len(b)-1).Draw(t, "byte index")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := decode(b); err != nil && !errors.Is(err, fold.ErrEncoding) {
			t.Fatalf("one bit flipped: got %v, want ErrEncoding or none", err)
		}
		clear(b)
		if !bytes.Equal(encode(nil, &got), original) {
			t.Fatal("the decoded state shares memory with its encoding")
		}
	})
}

func TestCodecRoundTrip(t *testing.T) {
	t.Run("case", func(t *testing.T) { roundTrip(t, fold.AppendCase, fold.DecodeCase) })
	t.Run("agent", func(t *testing.T) { roundTrip(t, fold.AppendAgent, fold.DecodeAgent) })
	t.Run("agency", func(t *testing.T) { roundTrip(t, fold.AppendAgency, fold.DecodeAgency) })
	t.Run("staff", func(t *testing.T) { roundTrip(t, fold.AppendStaff, fold.DecodeStaff) })
}

// TestDifferentStatesEncodeDifferently checks the property that the state hash
// depends on.
func TestDifferentStatesEncodeDifferently(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a, b fold.Case
		drawFields(t, reflect.ValueOf(&a).Elem())
		drawFields(t, reflect.ValueOf(&b).Elem())
		if rapid.Bool().Draw(t, "equal except for the agent") {
			agent := b.AgentID
			b = a
			b.AgentID = agent
		}
		if same := bytes.Equal(fold.AppendCase(nil, &a), fold.AppendCase(nil, &b)); same != reflect.DeepEqual(a, b) {
			t.Fatalf("equal encodings: %t\n%+v\n%+v", same, a, b)
		}
	})
}

// TestDecodeRejectsExcessiveLengths checks that a count or length beyond the
// input is ErrEncoding and allocates nothing of that size.
func TestDecodeRejectsExcessiveLengths(t *testing.T) {
	empty := fold.AppendCase(nil, new(fold.Case))
	for name, b := range map[string][]byte{
		"empty":            {},
		"a huge text":      {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"an endless count": bytes.Repeat([]byte{0xff}, 40),
		"a huge list":      append(bytes.Repeat([]byte{0}, 6), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
		"trailing zero":    make([]byte, len(empty)+1),
		"one byte short":   empty[:len(empty)-1],
	} {
		if c, err := fold.DecodeCase(b); !errors.Is(err, fold.ErrEncoding) {
			t.Errorf("%s: got %+v (%v), want ErrEncoding", name, c, err)
		}
	}
}

// FuzzDecodeCase decodes arbitrary bytes: decoding never panics, every error is
// ErrEncoding, and a decoded case survives a round trip.
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
		original := fold.AppendCase(nil, &got)
		again, err := fold.DecodeCase(original)
		if err != nil || !bytes.Equal(fold.AppendCase(nil, &again), original) {
			t.Fatalf("%x: got %+v, then %+v (%v) after encoding again", b, got, again, err)
		}
	})
}
