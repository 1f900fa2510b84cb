// Package store keeps versioned values in Pebble. Each value is keyed by what
// it is and by the Friday whose book first shows it, newest first, so that
// the state of every past Friday stays readable and passing a cutoff copies
// nothing.
//
// It promises that a batch is applied whole or not at all, also after a crash,
// though possibly not the newest ones: the journal is the truth and says
// where to go on. What the values mean is left to its callers.
package store
