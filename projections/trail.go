package projections

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"bookledger/projections/internal/judge"
	"bookledger/projections/internal/store"
)

// Exported is a step of an export in the trail.
type Exported = judge.Exported

// Exports returns the newest steps of exports, newest first, at most limit (0:
// all): those of records before before, or from the newest on where that is 0.
func (v *View) Exports(before uint64, limit int) ([]Exported, error) {
	return newest[Exported](v, store.Exported, "an export", before, limit)
}

// Rejections returns the newest rejected records, as Exports does its steps.
func (v *View) Rejections(before uint64, limit int) ([]Rejected, error) {
	return newest[Rejected](v, store.Rejected, "a rejection", before, limit)
}

// errEnough ends an iteration.
var errEnough = errors.New("that was asked for")

func newest[T any](v *View, key func(seq uint64) []byte, what string, before uint64, limit int) ([]T, error) {
	if before == 0 {
		before = math.MaxUint64
	}
	all := []T{}
	err := v.reader.EachPlainBefore(key(before), func(_, value []byte) error {
		var one T
		if err := json.Unmarshal(value, &one); err != nil {
			return fmt.Errorf("reading %s of the projection: %w", what, err)
		}
		if all = append(all, one); len(all) == limit {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return all, err
}
