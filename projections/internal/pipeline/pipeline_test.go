package pipeline_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"bookledger/projections/internal/pipeline"
)

var errRead, errConsume, errCause = errors.New("read"), errors.New("consume"), errors.New("cause")

// numbers yields 0, 1, …, up to n, or without an end where n is negative.
func numbers(n int, err error, yielded *int) func(context.Context, func(int) error) error {
	return func(_ context.Context, yield func(int) error) error {
		for i := 0; i != n; i++ {
			if err := yield(i); err != nil {
				return err
			}
			*yielded++
		}
		return err
	}
}

// TestRun holds, wherever reading and consuming end and with which error, that
// results come in the order of the inputs, that all which was read is consumed
// before the error of reading comes out, and that the error of consuming, which
// is the earlier in that order, goes before it.
func TestKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "inputs")
		enough := rapid.IntRange(0, 400).Draw(t, "consumed at most")
		readErr := rapid.SampledFrom([]error{nil, errRead}).Draw(t, "error of reading")
		consumeErr := rapid.SampledFrom([]error{nil, errConsume}).Draw(t, "error of consuming")
		yielded, got, last := 0, []int{}, true
		err := pipeline.Run(context.Background(), numbers(n, readErr, &yielded), func() func(int) int {
			mine := 0 // the race detector tells if a worker's function is shared
			return func(in int) int {
				mine++
				if in%3 == 0 {
					runtime.Gosched()
				}
				return 2 * in
			}
		}, func(results iter.Seq[int], more func() bool) error {
			for r := range results {
				if len(got) == enough {
					return consumeErr
				}
				got, last = append(got, r), !more()
			}
			return nil
		})
		want := readErr
		if n > enough {
			want = consumeErr
		}
		all := make([]int, min(n, enough))
		for i := range all {
			all[i] = 2 * i
		}
		if !errors.Is(err, want) || err != nil && want == nil || !slices.Equal(got, all) {
			t.Fatalf("of %d inputs %v were consumed, at most %d wanted: %v, want %v", n, got, enough, err, want)
		}
		if n <= enough && (yielded != n || !last) {
			t.Fatalf("%d of %d were read, and more are waiting: %v", yielded, n, !last)
		}
	})
}

// TestCancel holds that only so many inputs are on their way while consuming
// stands still, that the cause of a canceled context comes out though results
// are outstanding, and that nothing is left running then, without which the
// bubble would not end.
func TestCancelWithFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		yielded, ended := 0, make(chan error)
		go func() {
			ended <- pipeline.Run(ctx, numbers(-1, nil, &yielded), func() func(int) int {
				return func(in int) int {
					<-ctx.Done()
					return in
				}
			}, func(results iter.Seq[int], _ func() bool) error {
				for range results {
					continue // none comes before ctx ends
				}
				return nil
			})
		}()
		synctest.Wait()
		if most := 10 * runtime.GOMAXPROCS(0); yielded == 0 || yielded > most {
			t.Errorf("%d inputs are on their way, at most %d should be", yielded, most)
		}
		cancel(errCause)
		if err := <-ended; !errors.Is(err, errCause) {
			t.Errorf("got %v", err)
		}
	})
}
