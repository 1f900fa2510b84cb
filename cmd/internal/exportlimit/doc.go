// Package exportlimit queues exports and limits their use of resources: the books
// made at once, the rows in memory, the bytes of files that are not yet delivered,
// and the exports of one person.
//
// The queue is fair: no export overtakes another, even if its book is smaller. A
// person has one place in the queue, and goes to its end for the next book. Files
// have no names, so none remains after the program ends. Access and the export
// trail are left to the caller.
package exportlimit
