package proof_test

import (
	"context"
	"testing"

	"bookledger/exporter/proof"
)

// TestVerifies holds that a bundle of each kind verifies.
func TestVerifies(t *testing.T) {
	l := sample(t)
	dump := l.dump()
	for name, q := range map[string]proof.Request{
		"whole":                     {Kind: proof.Whole},
		"whole of the first Friday": {Kind: proof.Whole, Friday: fridays[0]},
		"whole of an empty book":    {Kind: proof.Whole, Agent: emptyID},
		"records":                   {Kind: proof.Records},
		"records of an empty book":  {Kind: proof.Records, Agent: emptyID},
		"the one row of a book":     {Kind: proof.Row, Agent: "A3", Case: id(900)},
		"absent from an empty book": {Kind: proof.Row, Agent: emptyID, Case: id(900)},
		"absent from a book of one": {Kind: proof.Row, Agent: "A3", Case: id(901)},
	} {
		t.Run(name, func(t *testing.T) {
			folder := bundle(t, dump, q)
			r, err := proof.Verify(context.Background(), folder, proof.Options{Key: l.vkey(private(1)), Head: read(t, folder+"/head.txt")})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range r.Checked {
				t.Log("checked:", s)
			}
			for _, s := range r.Unproven {
				t.Log("not proven:", s)
			}
		})
	}
}
