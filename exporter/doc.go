// Package exporter makes the Excel workbook of a Book of Business: a book and a
// column set in, the bytes of an .xlsx file out.
//
// The same book and column set give the same bytes, in any process and on any
// day, as long as [Version] stays. Every value arrives as it stands in the book:
// identifiers with their zeros, amounts to the cent, text to the character and
// never as a formula. A workbook is written as a stream, in bounded memory and
// without temporary files. Package book decides what a row is and in which order
// rows stand; the program decides who may have a workbook.
package exporter
