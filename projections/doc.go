// Package projections applies the records of a journal, in order, to a store:
// live lists, the books of every past Friday, rejected events, the export trail,
// the records about each case, checkpoints and seals. It provides read-only views;
// each view shows one position.
//
// The position is committed in the same batch as the state, so a crash loses
// nothing that the journal cannot supply again. No upstream event stops
// [Projection.Follow], and no record is skipped. The [Journal] supplies the
// records. Packages exporter and cmd use the views.
package projections
