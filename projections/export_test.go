package projections

// OpenVersion opens a projection as another version of the projector would.
func OpenVersion(o Options, projector int) (*Projection, error) {
	return open(o, versionsWith(projector))
}
