package desk

import "time"

// SeenAt makes the desk believe that views last showed all of the journal at t.
func (d *Desk) SeenAt(t time.Time) { d.current.Store(t.UnixNano()) }

// Current tells whether views have shown all of the journal since the start.
func (d *Desk) Current() bool { return d.current.Load() != 0 }
