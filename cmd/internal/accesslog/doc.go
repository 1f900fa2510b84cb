// Package accesslog records who viewed which list or case. Each view is one line of
// JSON in a file that is only appended to.
//
// A line is in the file before [Log.Write] returns, complete and not mixed with
// others, even if several goroutines and programs write to the same file. No value can
// break a line or make it huge. The log contains no consumer data: an [Entry] has no
// field for it. Callers must refuse a view whose entry could not be written.
package accesslog
