// Package provenance says which records made a case what it is: where each
// first showed in a book, which ones decided a row or keep a case out, and
// which ones made the book of one Friday differ from another's.
//
// A record shows in a book that would hold other cells without this one record,
// had all later ones but those that changed nothing been judged anew: what needed
// it to be accepted would have been refused, and what was refused because of it
// would have been accepted. So one whose every word was replaced before a cutoff
// shows in no book. One that took a case out of a book shows in the first without
// it.
//
// A record decided a row, or made it differ, if it would be otherwise without
// the record in that way; or without it, or without all that was ever said of
// the section of the case that it wrote, while what came after it had written
// what it wrote. So of several records that say the same the last one decided,
// and there is no row that nothing decided. What a row shows of the agent is not
// the case's, and no part of it.
//
// It is pure: it folds the records about a case anew and promises the same
// answer for the same records, wherever they were kept. Finding them is left
// to the projections and to replay.
package provenance
