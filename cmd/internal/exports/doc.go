// Package exports decides who waits for a book, in which order, and where the
// finished file lies until it is fetched. Its jobs are made a few at a time,
// bounded by the rows that are in memory at once, and owners take turns: nobody
// gets a second file while another waits for the first.
//
// It promises that a file can be had only after its job's Record has returned
// without an error, and that nothing of a file is left on disk when the program
// dies: a file has no name from the moment it exists. What a book is, who may
// have it and how it travels are left to the caller.
package exports
