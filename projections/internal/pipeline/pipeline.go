// Package pipeline maps inputs on all cores and keeps their order: any free worker
// maps an input, and the results are consumed in the order of the inputs. The
// projection decodes the journal with it; a replay decodes the lines of a dump.
//
// It bounds the number of inputs in memory. Of several errors, it returns the one
// that comes first in the order of the inputs. Nothing of it still runs after Run
// has returned.
package pipeline

import (
	"context"
	"iter"
	"runtime"
	"sync"
)

// depth is the maximum number of queued inputs per worker.
const depth = 8

// item is a queued input.
type item[In, Out any] struct {
	in  In
	out chan Out // has room for the result
}

// Run calls read, maps each input that read yields, and passes the results to
// consume in the order of the inputs. It calls worker once for each worker, to get
// that worker's mapping function. The function more reports whether another result
// is expected. When yield returns an error, read must return.
//
// Run returns the error of consume. If that is nil, it returns nil if consume
// stopped before the last result. Otherwise it returns the cause of ctx's
// cancellation if ctx was canceled before everything was consumed, and else the
// error of read, after consume has received everything that read yielded.
func Run[In, Out any](ctx context.Context, read func(ctx context.Context, yield func(In) error) error,
	worker func() func(In) Out, consume func(results iter.Seq[Out], more func() bool) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	work, order := make(chan item[In, Out], depth*workers), make(chan item[In, Out], depth*workers)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			do := worker()
			for i := range work {
				i.out <- do(i.in)
			}
		})
	}
	var readErr error // written before order is closed
	running.Go(func() {
		defer close(order)
		defer close(work)
		readErr = read(ctx, func(in In) error {
			i := item[In, Out]{in, make(chan Out, 1)}
			for _, to := range [...]chan<- item[In, Out]{order, work} {
				select {
				case to <- i:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			return nil
		})
	})

	var endErr error // of read or ctx; nil if consume stops early
	err := consume(func(yield func(Out) bool) {
		for i := range order {
			select {
			case out := <-i.out:
				if !yield(out) {
					return
				}
			case <-ctx.Done():
				endErr = context.Cause(ctx)
				return
			}
		}
		endErr = readErr
	}, func() bool { return len(order) > 0 })
	cancel() // if consume has stopped early
	running.Wait()
	if err != nil {
		return err
	}
	return endErr
}
