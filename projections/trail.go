package projections

import (
	"bytes"
	"context"
	"errors"
	"math"

	"bookledger/projections/internal/admission"
	"bookledger/projections/internal/store"
)

// ExportStep is one step of an export, as listed in the export trail.
type ExportStep = admission.ExportStep

// Exports returns steps from the export trail, newest first. If before is not 0, it
// returns only steps whose record has a sequence below it. If limit is not 0, it
// returns at most that many.
func (v *View) Exports(before uint64, limit int) ([]ExportStep, error) {
	return newest[ExportStep](v, store.ExportStep, "an export", before, limit, matchAll)
}

// ExportsOfFile is like Exports, but returns only steps whose file has the given
// SHA-256 in hex. If sha256 is blank, it returns all steps. It may read the whole
// export trail.
func (v *View) ExportsOfFile(ctx context.Context, sha256 string, before uint64, limit int) ([]ExportStep, error) {
	if sha256 == "" {
		return v.Exports(before, limit)
	}
	checked, member := 0, []byte(`"sha256":"`+sha256+`"`)
	return newest[ExportStep](v, store.ExportStep, "an export step", before, limit, func(value []byte) (bool, error) {
		if checked++; checked%1000 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		return bytes.Contains(value, member), nil // decode only matches
	})
}

// Rejections returns rejected events, newest first. Before and limit are as in Exports.
func (v *View) Rejections(before uint64, limit int) ([]RejectedEvent, error) {
	return newest[RejectedEvent](v, store.Rejection, "a rejection", before, limit, matchAll)
}

func matchAll([]byte) (bool, error) { return true, nil }

// errLimit ends an iteration that has reached its limit.
var errLimit = errors.New("limit reached")

// newest returns the newest values of a kind for which match returns true.
func newest[T any](v *View, key func(seq uint64) []byte, what string, before uint64, limit int, match func(value []byte) (bool, error)) ([]T, error) {
	if before == 0 {
		before = math.MaxUint64
	}
	all := []T{}
	err := v.reader.EachUnversionedBefore(key(before), func(_, value []byte) error {
		if ok, err := match(value); err != nil || !ok {
			return err
		}
		one, err := decode[T](value, what)
		if err != nil {
			return err
		}
		if all = append(all, one); len(all) == limit {
			return errLimit
		}
		return nil
	})
	if errors.Is(err, errLimit) {
		err = nil
	}
	return all, err
}
