// Package exporter writes the Excel workbook of a Book of Business. It takes a book
// and a column set and writes an .xlsx file.
//
// The same book and column set produce the same bytes in any process at any time, as
// long as [Version] is the same. Cells contain values exactly as the book has them:
// identifiers keep leading zeros, amounts are exact, and text is never a formula.
// Rows are written as a stream, in bounded memory and without temporary files.
// Package book decides the rows and their order; callers decide who may have a
// workbook.
package exporter
