package projections

import "bookledger/projections/internal/store"

// OpenVersion opens a projection as another version of the projector would.
func OpenVersion(o Options, projector int) (*Projection, error) {
	return open(o, versions{Format: store.Format, Projector: projector})
}
