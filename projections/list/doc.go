// Package list makes an agent's lists of active, inactive and pending
// consumers, and answers requests for their pages: with filters, search, order
// and the values to filter by.
//
// It is pure: the same cases give the same lists. A list never changes; when
// cases do, a renewed list shares with the old one what stayed the same. What a
// case shows, in a list as in a book, is the affair of package book.
package list
