package projections

import (
	"bytes"
	"context"
	"errors"
	"math"

	"bookledger/projections/internal/admission"
	"bookledger/projections/internal/store"
)

// ExportStep is a step of an export in the trail.
type ExportStep = admission.ExportStep

// Exports returns the newest steps of exports, newest first, at most limit (0:
// all): those of records before before, or from the newest on where that is 0.
func (v *View) Exports(before uint64, limit int) ([]ExportStep, error) {
	return newest[ExportStep](v, store.ExportStep, "an export", before, limit, matchAll)
}

// ExportsOfFile returns the steps of exports of the files that have the SHA-256, in
// hex, as Exports does; a blank one is of any. It reads the whole trail.
func (v *View) ExportsOfFile(ctx context.Context, sha256 string, before uint64, limit int) ([]ExportStep, error) {
	if sha256 == "" {
		return v.Exports(before, limit)
	}
	looked, member := 0, []byte(`"sha256":"`+sha256+`"`)
	return newest[ExportStep](v, store.ExportStep, "an export", before, limit, func(value []byte) (bool, error) {
		if looked++; looked%1000 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		return bytes.Contains(value, member), nil // what cannot be one is not decoded
	})
}

// Rejections returns the newest rejected records, as Exports does its steps.
func (v *View) Rejections(before uint64, limit int) ([]RejectedEvent, error) {
	return newest[RejectedEvent](v, store.Rejection, "a rejection", before, limit, matchAll)
}

func matchAll([]byte) (bool, error) { return true, nil }

// errEnough ends an iteration.
var errEnough = errors.New("that was asked for")

// newest returns the newest values of a kind that are wanted.
func newest[T any](v *View, key func(seq uint64) []byte, what string, before uint64, limit int, wanted func(value []byte) (bool, error)) ([]T, error) {
	if before == 0 {
		before = math.MaxUint64
	}
	all := []T{}
	err := v.reader.EachUnversionedBefore(key(before), func(_, value []byte) error {
		if ok, err := wanted(value); err != nil || !ok {
			return err
		}
		one, err := decode[T](value, what)
		if err != nil {
			return err
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
