// Package provenance finds the records that made a case what it is: where each
// first showed in a book, which ones decided a row or keep a case out, and which
// ones made the book of one Friday differ from another's.
//
// The same question answers all three: what would the case be without one record,
// with all later ones judged anew? Then a record that needed the missing one is
// refused, and one that was refused because of it is accepted; only a record that
// changed nothing stays as it was.
//
// A record first shows in the first book that would differ without it, or from
// which it took the case. A record decided a row if the row would differ without
// it. So did the last record to write each section that the row shows, even where
// an earlier one had written the same: there is no row that nothing decided. A row
// that was added or removed was caused, too, by each record that put the case into
// the book or took it out. What a row shows of the agent is not part of the case.
//
// The package is pure: the same records give the same answer, wherever they were
// kept. Finding them is left to the projections and to replay.
package provenance
