package fold

import (
	"encoding/binary"
	"errors"
	"time"

	"bookledger/events"
)

// CodecVersion is the version of the encoding of cases, agents, agencies and
// staff. Version 2 added the seed of a case's last change.
const CodecVersion = 2

// ErrEncoding is returned when bytes are not a state that this package encoded.
var ErrEncoding = errors.New("fold: not an encoded state of this version")

// coder visits the fields of a state in one order for both directions. It appends
// them to out or reads them from in.
type coder struct {
	writing bool
	out     []byte
	in      string // decoded strings share this memory
	failed  bool
}

// encode appends the fields that walk visits.
func encode[T any](dst []byte, state *T, walk func(*coder, *T)) []byte {
	k := coder{writing: true, out: dst}
	walk(&k, state)
	return k.out
}

// decode decodes a state that encode encoded.
func decode[T any](b []byte, walk func(*coder, *T)) (state T, err error) {
	k := coder{in: string(b)}
	walk(&k, &state)
	if k.failed || k.in != "" {
		err = ErrEncoding
	}
	return state, err
}

// AppendCase appends the canonical encoding of a case.
func AppendCase(dst []byte, c *Case) []byte { return encode(dst, c, (*coder).caseState) }

// DecodeCase decodes a case encoded by AppendCase. It returns ErrEncoding for any
// other bytes.
func DecodeCase(b []byte) (Case, error) { return decode(b, (*coder).caseState) }

// AppendAgent appends the canonical encoding of an agent.
func AppendAgent(dst []byte, a *Agent) []byte { return encode(dst, a, (*coder).agent) }

// DecodeAgent decodes an agent encoded by AppendAgent. It returns ErrEncoding for
// any other bytes.
func DecodeAgent(b []byte) (Agent, error) { return decode(b, (*coder).agent) }

// AppendAgency appends the canonical encoding of an agency.
func AppendAgency(dst []byte, a *Agency) []byte { return encode(dst, a, (*coder).agency) }

// DecodeAgency decodes an agency encoded by AppendAgency. It returns ErrEncoding
// for any other bytes.
func DecodeAgency(b []byte) (Agency, error) { return decode(b, (*coder).agency) }

// AppendStaff appends the canonical encoding of a staff member.
func AppendStaff(dst []byte, s *Staff) []byte { return encode(dst, s, (*coder).staff) }

// DecodeStaff decodes a staff member encoded by AppendStaff. It returns ErrEncoding
// for any other bytes.
func DecodeStaff(b []byte) (Staff, error) { return decode(b, (*coder).staff) }

func (k *coder) caseState(c *Case) {
	k.text(&c.AgentID)
	k.bool(&c.Inactive)
	k.bool(&c.Closed)
	k.time(&c.Since)
	k.uint(&c.Changed.Seq)
	k.time(&c.Changed.Recorded)
	k.hash(&c.Changed.Seed)
	list(k, &c.Pending, func(r *Request) { k.text(&r.AgentID); k.time(&r.Requested) })
	k.household(&c.Household)
	list(k, &c.Applications, k.application)
	list(k, &c.Members, k.member)
	list(k, &c.Eligibility, k.eligibility)
	list(k, &c.Enrollments, k.enrollment)
}

func (k *coder) household(h *events.HouseholdRecorded) {
	p := &h.PrimaryContact
	for _, s := range [...]*string{&p.FirstName, &p.LastName, &p.Phone, &p.Email, &p.SSNLast4, &p.SpokenLanguage, &p.WrittenLanguage} {
		k.text(s)
	}
	k.date(&p.DateOfBirth)
	a := &h.Address
	for _, s := range [...]*string{&a.Line1, &a.Line2, &a.City, &a.State, &a.ZIP, &a.County} {
		k.text(s)
	}
}

func (k *coder) application(a *events.ApplicationRecorded) {
	k.int(&a.ApplicationYear)
	k.text(&a.CurrentStatus)
	k.text(&a.NextSteps)
	k.date(&a.SubmittedOn)
}

func (k *coder) member(m *events.Member) {
	for _, s := range [...]*string{&m.MemberID, &m.FirstName, &m.LastName, &m.Gender, &m.SSNLast4, &m.Relationship} {
		k.text(s)
	}
	k.date(&m.DateOfBirth)
	applying := uint64(m.Applying)
	k.uint(&applying)
	m.Applying = events.Flag(applying)
}

func (k *coder) eligibility(e *events.EligibilityDetermined) {
	k.text(&e.MemberID)
	k.int(&e.ApplicationYear)
	for _, s := range [...]*string{&e.Program, &e.Status, &e.CSRLevel} {
		k.text(s)
	}
	k.money(&e.APTCMonthly)
	k.date(&e.VerificationDueOn)
}

func (k *coder) enrollment(e *events.EnrollmentRecorded) {
	k.text(&e.EnrollmentID)
	k.int(&e.ApplicationYear)
	list(k, &e.MemberIDs, k.text)
	for _, s := range [...]*string{&e.CoverageKind, &e.Carrier, &e.PlanName, &e.HIOSPlanID, &e.MetalTier, &e.Status, &e.BinderStatus, &e.SubscriberID} {
		k.text(s)
	}
	k.date(&e.CoverageStart)
	k.date(&e.CoverageEnd)
	for _, m := range [...]*events.Money{&e.GrossPremium, &e.APTCApplied, &e.StateSubsidy, &e.NetPremium} {
		k.money(m)
	}
}

func (k *coder) agent(a *Agent) {
	for _, s := range [...]*string{&a.AgencyID, &a.FirstName, &a.LastName, &a.LicenseNumber, &a.Email} {
		k.text(s)
	}
	k.bool(&a.EverCertified)
	k.bool(&a.Certified)
}

func (k *coder) agency(a *Agency) {
	k.text(&a.Name)
	k.bool(&a.Registered)
}

func (k *coder) staff(s *Staff) {
	k.text(&s.Role)
	k.text(&s.Name)
	k.text(&s.Email)
}

func list[T any](k *coder, items *[]T, each func(*T)) {
	n := uint64(len(*items))
	k.uint(&n)
	if !k.writing && n > 0 {
		if n > uint64(len(k.in)) { // each item takes at least one byte
			k.failed = true
			return
		}
		*items = make([]T, n)
	}
	for i := range *items {
		each(&(*items)[i])
	}
}

func (k *coder) uint(n *uint64) {
	if k.writing {
		k.out = binary.AppendUvarint(k.out, *n)
		return
	}
	if len(k.in) > 0 && k.in[0] < 0x80 { // the common case: one byte
		*n, k.in = uint64(k.in[0]), k.in[1:]
		return
	}
	var v uint64
	for i := 0; i < len(k.in) && i < binary.MaxVarintLen64; i++ {
		b := k.in[i]
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			*n, k.in = v, k.in[i+1:]
			return
		}
	}
	k.failed, k.in = true, ""
}

func (k *coder) text(s *string) {
	if k.writing {
		k.out = append(binary.AppendUvarint(k.out, uint64(len(*s))), *s...)
		return
	}
	var n uint64
	k.uint(&n)
	if n > uint64(len(k.in)) {
		k.failed, k.in = true, ""
		return
	}
	*s, k.in = k.in[:n], k.in[n:]
}

func (k *coder) hash(h *[32]byte) {
	if k.writing {
		k.out = append(k.out, h[:]...)
		return
	}
	if len(k.in) < len(h) {
		k.failed, k.in = true, ""
		return
	}
	k.in = k.in[copy(h[:], k.in):]
}

func (k *coder) bool(b *bool) {
	n := uint64(0)
	if *b {
		n = 1
	}
	k.uint(&n)
	*b = n == 1
}

func (k *coder) int(i *int) {
	n := uint64(*i)
	k.uint(&n)
	*i = int(n)
}

func (k *coder) date(d *events.Date) {
	n := uint64(*d)
	k.uint(&n)
	*d = events.Date(n)
}

func (k *coder) money(m *events.Money) {
	n := uint64(0)
	if cents, known := m.Cents(); known {
		n = uint64(cents) + 1
	}
	k.uint(&n)
	if !k.writing && n > 0 {
		*m = events.Cents(int64(n - 1))
	}
}

// time encodes seconds and nanoseconds separately, because a recorded time may be
// any time from year 1 to 9999, beyond the range of int64 nanoseconds.
func (k *coder) time(t *time.Time) {
	if k.writing && t.IsZero() {
		k.out = append(k.out, 0)
		return
	}
	const epoch = 62135596800 // seconds from year 1 to 1970
	seconds, nanos := uint64(t.Unix()+epoch)<<1|1, uint64(t.Nanosecond())
	k.uint(&seconds)
	if seconds == 0 {
		return
	}
	k.uint(&nanos)
	if !k.writing {
		*t = time.Unix(int64(seconds>>1)-epoch, int64(nanos)).UTC()
	}
}
