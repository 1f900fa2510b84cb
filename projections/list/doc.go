// Package list builds an agent's lists of active, inactive and pending consumers
// and returns pages of them, with filters, search, sort orders and the values to
// filter by.
//
// The package is pure: the same cases produce the same lists. A list never changes.
// When cases change, Updated returns new lists that share all unchanged entries with
// the old ones. Package book decides what a case shows.
package list
