// Package projections follows a source of records, judges them in order, and
// keeps what they add up to in the store: each agent's live lists, the books
// of every past Friday, the rejected list, the trail of exports, which records
// were about a case, and the checkpoints. It keeps the position in the same
// batch as the state, so that after a crash it resumes where it was and comes
// to the same state, and hands out read-only views, each of one moment.
//
// It promises that no upstream event stops it and that none is skipped: only an
// error of the source or of the disk, or rules that this release does not hold,
// end [Projection.Follow]. Where records come
// from is left to the caller's [Journal]; what is made of a view to exporter
// and cmd.
package projections
