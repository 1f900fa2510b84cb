package projections

// OpenVersion opens a projection as another version of the projector would.
func OpenVersion(o Options, projector int) (*Projection, error) {
	return open(o, currentVersions(projector))
}

// OpenFormat opens a projection as a release with another key layout would.
func OpenFormat(o Options, format int) (*Projection, error) {
	v := currentVersions(Version)
	v.Format = format
	return open(o, v)
}
