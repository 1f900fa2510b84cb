// Package proof makes evidence that a Book of Business, or one row of it, is
// what the record said at a Friday's cutoff, and checks such evidence. Evidence
// is a bundle: a folder of files, which auditors take away and check offline.
//
// It promises that a bundle is made of a record alone, twice the same bytes;
// that it is written whole or not at all; and that its check trusts nothing in
// it: the record is replayed, roots and seal are computed anew, signatures and
// proofs are checked, and the workbook is compared with what follows from the
// record, cell by cell. What a check has not shown it says too. Whose key it
// is that has signed, and where the record comes from, is left to its callers.
package proof
