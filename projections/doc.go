// Package projections follows a journal, judges its records in order, and keeps
// what they add up to in a store: live lists, the books of every past Friday,
// rejections, the trail of exports, the records about each case, checkpoints and
// seals. It hands out read-only views, each of one moment.
//
// The position is committed in the same batch as the state, so that a crash loses
// nothing that the journal does not give again. No upstream event stops
// [Projection.Follow], and none is skipped. Which records there are is left to
// the [Journal], and what is made of a view to exporter and cmd.
package projections
