// Package pipeline does work on all cores and keeps its order: what is read is
// mapped by whichever worker is free, and consumed in the order of reading. The
// projection decodes the journal with it, a replay the lines of a dump.
//
// It promises that only so much is in memory at a time, that of several errors
// the first in the order of what was read is the one that comes out, and that
// nothing of it runs on once Run has returned.
package pipeline

import (
	"context"
	"iter"
	"runtime"
	"sync"
)

// depth is how many inputs for each worker are on their way at most.
const depth = 8

// item is one input on its way.
type item[In, Out any] struct {
	in  In
	out chan Out // takes one
}

// Run calls read, maps each input that it yields with a function that worker
// has made, one for each worker, and hands the results to consume in the order
// of the inputs. The function more reports whether another one is waiting.
//
// It returns the error of consume. Where that returned nil, it returns nil if
// consume has not gone on to the end, since it has seen enough; the cause, if
// ctx was canceled before all was consumed; and otherwise the error of read,
// of which everything that it had yielded has been consumed. A yield that
// returns an error is to end read.
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

	var endErr error // of read or of ctx; nil where consume does not get there
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
	cancel() // where consume ended first
	running.Wait()
	if err != nil {
		return err
	}
	return endErr
}
