// Package exportlimit bounds what exports take: how many books are made at
// once, the rows in memory meanwhile, the bytes of files that are not delivered
// yet, and the exports of one person.
//
// Books are made in the order of the line, in which nobody is passed for a
// lighter book. A person has one place in the line and goes to its end for the
// next book. A file never has a name, so that nothing of it outlives the
// program. Who may have a book, and what is recorded of it, is up to the caller.
package exportlimit
