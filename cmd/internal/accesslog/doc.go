// Package accesslog writes down who looked at which list or case: one JSON
// line for each look, in a file that is only ever appended to.
//
// It promises that a line is in the file, whole and with no other in between,
// before [Log.Write] returns, however many goroutines and programs write to
// the same file; and that nothing in a value can break a line or make it huge.
// It holds no consumer data: an [Entry] has no place for any. That a look must
// not happen when its line could not be written is left to the caller.
package accesslog
