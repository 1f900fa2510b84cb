package exports

import "slices"

// turns is the order of the jobs that wait. Owners take turns in rounds: the
// round that runs holds those who may still have one job begun in it, the next
// round those who have had theirs and want more. Who comes new joins the round
// that runs, and so waits for one job of each other owner at most.
type turns struct {
	owners  map[string]*owner // who waits, or holds or has had something
	now     []*owner          // the round that runs, in order; each has a job that waits
	next    []*owner          // the same for the round after it
	round   int
	waiting int
}

// owner is one person's part in the queue.
type owner struct {
	name    string
	waiting []*Ticket // in order
	held    int       // jobs that wait, are being made, or are finished
	failed  []*Ticket // oldest first
	served  int       // the round in which a job was begun last, from 1 on
}

// join puts a new ticket behind its owner's others.
func (r *turns) join(t *Ticket) {
	if r.round == 0 {
		r.round = 1
	}
	o := r.owners[t.job.Owner]
	if o == nil {
		o = &owner{name: t.job.Owner}
		r.owners[o.name] = o
	}
	t.owner = o
	o.held++
	o.waiting = append(o.waiting, t)
	r.waiting++
	if len(o.waiting) > 1 {
		return
	}
	if o.served == r.round {
		r.next = append(r.next, o)
	} else {
		r.now = append(r.now, o)
	}
}

// first is the ticket whose turn it is; nil where none waits.
func (r *turns) first() *Ticket {
	for _, round := range [...][]*owner{r.now, r.next} {
		if len(round) > 0 {
			return round[0].waiting[0]
		}
	}
	return nil
}

// serve takes the first ticket out, since it is being made.
func (r *turns) serve(t *Ticket) {
	if len(r.now) == 0 {
		r.now, r.next = r.next, nil
		r.advance()
	}
	o := t.owner
	r.now = slices.Delete(r.now, 0, 1)
	o.waiting = slices.Delete(o.waiting, 0, 1)
	o.served = r.round
	r.waiting--
	if len(o.waiting) > 0 {
		r.next = append(r.next, o)
	}
}

// leave takes a waiting ticket out; its owner keeps the turn for the next one.
func (r *turns) leave(t *Ticket) {
	o := t.owner
	isOwner := func(other *owner) bool { return other == o }
	o.waiting = slices.DeleteFunc(o.waiting, func(other *Ticket) bool { return other == t })
	o.held--
	r.waiting--
	if len(o.waiting) == 0 {
		r.now = slices.DeleteFunc(r.now, isOwner)
		r.next = slices.DeleteFunc(r.next, isOwner)
	}
}

// place is how many jobs are begun before a waiting one if none comes or
// leaves: those of the rounds before its own, and in its own round those of
// the owners before its own. The next round's owners stand before those who
// join it when they have been served in this one.
func (r *turns) place(t *Ticket) int {
	own := slices.Index(t.owner.waiting, t)
	now, next := slices.Index(r.now, t.owner), slices.Index(r.next, t.owner)
	ahead, rounds := own, own // rounds are those before the round of t
	if now < 0 {
		rounds++
	}
	for i, o := range r.now {
		if i < now {
			ahead += min(len(o.waiting), rounds+1)
		} else if i > now {
			ahead += min(len(o.waiting), rounds)
		}
	}
	for i, o := range r.next {
		if i < next || now >= 0 {
			ahead += min(len(o.waiting), rounds)
		} else if i > next {
			ahead += min(len(o.waiting), rounds-1)
		}
	}
	return ahead
}

// advance begins a new round. Owners who hold nothing and had their turn in
// an earlier one are the same as new, and forgotten.
func (r *turns) advance() {
	r.round++
	for name, o := range r.owners {
		if o.held == 0 && len(o.failed) == 0 {
			delete(r.owners, name)
		}
	}
}

// forgetFailed takes a failed ticket from its owner's.
func (o *owner) forgetFailed(t *Ticket) {
	o.failed = slices.DeleteFunc(o.failed, func(other *Ticket) bool { return other == t })
}
