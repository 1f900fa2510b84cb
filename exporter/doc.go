// Package exporter makes the Excel workbook of a Book of Business: a book and
// a column set in, the bytes of an .xlsx file out.
//
// It promises the same bytes for the same book and column set, in any process,
// on any day and in any zone, for as long as [Version] stays what it is; that
// every value arrives as it stands in the book, identifiers with their zeros,
// amounts to the cent, text to the character and never as a formula; and that
// a book of any size is written as a stream, so that memory stays bounded and
// no consumer's data is ever laid down in a temporary file.
//
// The frame of the workbook (styles, panes, table, properties) is made by
// excelize. The rows are written here, into the sheets of that frame as they
// pass into the zip archive: excelize's own row writer keeps a sheet in memory
// or in temporary files until it is saved, decodes some texts to others
// ("_x0041_x0042_"), cuts long ones and replaces what XML cannot carry, all in
// silence, and it takes several times as long. For ordinary values the cells
// are byte for byte those that it writes, which a test holds.
//
// A workbook shows the boundary that it is as of, and no root: roots are salted
// with what the journal adds to events, such as its stamps, so that the same
// events would make other bytes in another ledger, or in a workbook that was
// handed out before there were roots. The root of a book stands beside it, in
// the evidence.
//
// What a row is, and in which order rows stand, is left to package book; who
// may have a workbook, to the program.
package exporter
