package projections

import (
	"bytes"
	"context"
	"errors"
	"math"

	"bookledger/projections/internal/admission"
	"bookledger/projections/internal/store"
)

// Exported is a step of an export in the trail.
type Exported = admission.Exported

// Exports returns the newest steps of exports, newest first, at most limit (0:
// all): those of records before before, or from the newest on where that is 0.
func (v *View) Exports(before uint64, limit int) ([]Exported, error) {
	return newest[Exported](v, store.Exported, "an export", before, limit)
}

// ExportsOf returns the steps of exports of the files that have the SHA-256, in
// hex, as Exports does; a blank one is of any. It reads the whole trail.
func (v *View) ExportsOf(ctx context.Context, sha256 string, before uint64, limit int) ([]Exported, error) {
	looked := 0
	return newestOf(v, store.Exported, "an export", before, limit, func(value []byte) (bool, error) {
		if looked++; looked%1000 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		return bytes.Contains(value, []byte(sha256)), nil
	}, func(e *Exported) bool { return sha256 == "" || e.SHA256 == sha256 })
}

// Rejections returns the newest rejected records, as Exports does its steps.
func (v *View) Rejections(before uint64, limit int) ([]Rejected, error) {
	return newest[Rejected](v, store.Rejected, "a rejection", before, limit)
}

// errEnough ends an iteration.
var errEnough = errors.New("that was asked for")

func newest[T any](v *View, key func(seq uint64) []byte, what string, before uint64, limit int) ([]T, error) {
	return newestOf(v, key, what, before, limit, func([]byte) (bool, error) { return true, nil }, func(*T) bool { return true })
}

// newestOf is newest of those that are wanted; what cannot be one is not
// decoded.
func newestOf[T any](v *View, key func(seq uint64) []byte, what string, before uint64, limit int, may func(value []byte) (bool, error), wanted func(*T) bool) ([]T, error) {
	if before == 0 {
		before = math.MaxUint64
	}
	all := []T{}
	err := v.reader.EachPlainBefore(key(before), func(_, value []byte) error {
		if ok, err := may(value); err != nil || !ok {
			return err
		}
		one, err := decode[T](value, what)
		if err != nil || !wanted(&one) {
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
