package service

import "time"

// SeenAt makes the desk believe that the journal last answered at t, and that
// views then showed all of it.
func (d *Service) SeenAt(t time.Time) {
	d.current.Store(t.UnixNano())
	d.answered.Store(t.UnixNano())
}

// Current tells whether views have shown all of the journal since the start.
func (d *Service) Current() bool { return d.current.Load() != 0 }
