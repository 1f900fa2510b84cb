package proof_test

import (
	"bytes"
	"crypto/ed25519"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/events/record/treehead"
	"bookledger/projections/checkpoint"
)

// headOf opens a head that the ledger's newest key has signed.
func headOf(tb testing.TB, l *ledger, signed []byte) treehead.Head {
	tb.Helper()
	key, err := treehead.Key(treehead.Origin(l.id), l.keys[len(l.keys)-1].Public().(ed25519.PublicKey))
	if err != nil {
		tb.Fatal(err)
	}
	h, _, err := treehead.Open(signed, key)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// fridayOf returns the Friday that a record of a seal names.
func fridayOf(body []byte) events.Date {
	for _, f := range fridays {
		if bytes.Contains(body, []byte(`"friday":"`+f.String())) {
			return f
		}
	}
	return 0
}

// reseal seals a Friday anew in a history that is forged by the holder of the
// keys; where the signed head that was published stands in it as it was, none
// is signed anew for that Friday.
func (l *ledger) reseal(f events.Date, published bool) {
	l.tb.Helper()
	keys := l.keys
	if f == fridays[0] {
		l.keys = l.keys[:1]
	}
	if published && f == fridays[1] {
		body, err := checkpoint.EncodeSeal(l.sealOf(f), l.calendar)
		if err != nil {
			l.tb.Fatal(err)
		}
		l.append(events.SubjectSeal, body)
	} else {
		l.seal(f)
	}
	l.keys = keys
}

// randomHistory is a ledger of one to three sealed weeks.
type randomHistory struct {
	*ledger
	passed int // Fridays
}

func randomLedger(tb testing.TB, rt *rapid.T) randomHistory {
	tb.Helper()
	l := randomHistory{ledger: newLedger(tb, ledgerID, private(1))}
	dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
	for _, a := range []string{"A1", "A2", "A3", emptyID} {
		l.say("agency.agent_certified.v1", map[string]any{"agent_id": a, "agency_id": "G1"})
	}
	for _, f := range fridays[:rapid.IntRange(1, len(fridays)).Draw(rt, "weeks")] {
		l.week(dice, rapid.IntRange(1, 6).Draw(rt, "cases"))
		l.pass(f)
		if rapid.Bool().Draw(rt, "late") {
			l.week(dice, 2) // before the seal is written
		}
		l.seal(f)
		if rapid.Bool().Draw(rt, "rotate") {
			l.rotate(private(byte(10 + l.passed)))
		}
		l.passed++
	}
	return l
}
