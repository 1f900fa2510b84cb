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

// numbers yields 0, 1, … n-1 and returns err. If n is negative, it never ends.
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

// TestKeepsOrder checks that results come in the order of the inputs wherever reading or
// consuming ends. Everything that was read is consumed before Run returns the error of
// read. An error of consume takes precedence, because it comes earlier in that order.
func TestKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "inputs")
		limit := rapid.IntRange(0, 400).Draw(t, "consumed at most")
		readErr := rapid.SampledFrom([]error{nil, errRead}).Draw(t, "read error")
		consumeErr := rapid.SampledFrom([]error{nil, errConsume}).Draw(t, "consume error")
		yielded, got, last := 0, []int{}, true
		err := pipeline.Run(context.Background(), numbers(n, readErr, &yielded), func() func(int) int {
			calls := 0 // lets the race detector find a mapping function that is shared
			return func(in int) int {
				calls++
				if in%3 == 0 {
					runtime.Gosched()
				}
				return 2 * in
			}
		}, func(results iter.Seq[int], more func() bool) error {
			for r := range results {
				if len(got) == limit {
					return consumeErr
				}
				got, last = append(got, r), !more()
			}
			return nil
		})
		want := readErr
		if n > limit {
			want = consumeErr
		}
		all := make([]int, min(n, limit))
		for i := range all {
			all[i] = 2 * i
		}
		if !errors.Is(err, want) || err != nil && want == nil || !slices.Equal(got, all) {
			t.Fatalf("with %d inputs and a limit of %d: got %v (%v), want %v (%v)", n, limit, got, err, all, want)
		}
		if n <= limit && (yielded != n || !last) {
			t.Fatalf("got %d of %d inputs read, more reported: %v", yielded, n, !last)
		}
	})
}

// TestCancelWithFullQueue checks that the number of queued inputs is bounded while
// nothing is consumed, that Run returns the cause of the cancellation although results
// are outstanding, and that no goroutine is left (the synctest bubble would not end).
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
					continue // no result comes before ctx ends
				}
				return nil
			})
		}()
		synctest.Wait()
		if most := 10 * runtime.GOMAXPROCS(0); yielded == 0 || yielded > most {
			t.Errorf("got %d queued inputs, want 1 to %d", yielded, most)
		}
		cancel(errCause)
		if err := <-ended; !errors.Is(err, errCause) {
			t.Errorf("got error %v, want %v", err, errCause)
		}
	})
}
