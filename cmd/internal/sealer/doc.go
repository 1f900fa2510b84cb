// Package sealer seals Fridays: when a cutoff has passed, it makes the roots of
// that Friday's books from the view of it, has the seal recorded, and signs it
// with the ledger's key where this node has that. Where a seal stands already,
// it is compared with what this node would have sealed.
//
// It promises that seals stand in the order of their Fridays, that a Friday is
// sealed once however many nodes seal it, and that a seal which differs is an
// error which says so. What a seal says is left to package checkpoint, what follows from
// one that differs to the alarm.
package sealer
