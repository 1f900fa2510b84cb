package synthetic

import (
	"strconv"

	"bookledger/events"
)

// kind is what the members of a household are found eligible for.
type kind uint8

const (
	kindCovered kind = iota
	kindMediCal
	kindMixed      // parents Covered California, children Medi-Cal or CCHIP
	kindIneligible // for nothing
)

// maxMembers is the size of the largest households.
const maxMembers = 6

// person is a member of a household.
type person struct {
	first, last  string
	birth        events.Date
	gender       string
	ssn          string
	relationship string
	child        bool
	applying     bool
}

// household is what never changes in a case. It is not kept: it follows from
// the seed and the case's index, and is worked out whenever it is needed.
type household struct {
	of       int // the case's index, or -1
	people   [maxMembers]person
	size     int // at the beginning
	kind     kind
	income   int // 0 to 3, highest first; of csrLevels
	place    *place
	language language
	mcap     bool // the second adult is in MCAP
	dental   bool
}

// home works out the household of the case with index i; it is valid until
// the next call for another case.
func (w *world) home(i int) *household {
	h := &w.household
	if h.of == i {
		return h
	}
	d := newDice(w.c.Seed, streamPeople, uint64(i))
	*h = household{of: i, language: language{"English", "English"}}
	origin := &words().Heritages[d.weighted(words().heritageWeights...)]
	if d.chance(origin.Foreign) {
		h.language = pick(&d, origin.Languages)
	}
	h.place = &words().Places[d.weighted(words().placeWeights...)]
	h.size = 1 + d.weighted(560, 230, 90, 75, 30, 15)
	h.income = d.weighted(30, 20, 28, 22)
	h.dental = d.chance(230)
	h.settle(&d, origin, w.birthYear)
	h.kind = h.chooseKind(&d)
	return h
}

// settle fills the household with people who were born so many years before
// year as their place in it suggests.
func (h *household) settle(d *dice, origin *heritage, year int) {
	couple := h.size > 1 && d.chance(700)
	age := 19 + d.weighted(1, 3, 4, 4, 4, 5, 5, 6, 5)*5 + d.below(5)
	family := pick(d, origin.Families)
	for j := range h.people {
		p := &h.people[j]
		p.last = family
		woman := d.chance(510)
		switch {
		case j == 0:
			p.relationship = "Self"
			p.born(d, year-age)
		case j == 1 && couple:
			p.relationship = pick(d, []string{"Spouse", "Spouse", "Spouse", "Spouse", "Domestic Partner"})
			p.born(d, year-max(19, age+d.between(-6, 6)))
			woman = woman != d.chance(900)
			if d.chance(300) {
				p.last = pick(d, origin.Families)
			}
		default:
			p.relationship, p.child = pick(d, []string{"Child", "Child", "Child", "Child", "Stepchild"}), true
			p.born(d, year-d.between(0, min(18, max(0, age-19))))
			if d.chance(60) && len(family) < 12 {
				p.last = family + "-" + pick(d, origin.Families)
			}
		}
		p.name(d, origin, woman)
		p.applying = p.child || j == 0 || d.chance(900)
	}
}

func (p *person) born(d *dice, year int) {
	p.birth = events.Date(year*10_000 + 101).AddDays(d.below(365))
}

func (p *person) name(d *dice, origin *heritage, woman bool) {
	p.gender, p.first = "Male", pick(d, origin.Men)
	if woman {
		p.gender, p.first = "Female", pick(d, origin.Women)
	}
	if d.chance(6) {
		p.gender = "Nonbinary"
	}
	if !d.chance(110) {
		p.ssn = padded(d.below(10_000), 4)
	}
}

// chooseKind finds a household what such a household is often eligible for.
func (h *household) chooseKind(d *dice) kind {
	children := h.size > 1 && h.people[h.size-1].child
	k := kind(d.weighted(770, 190, 0, 40))
	if children {
		k = kind(d.weighted(390, 220, 360, 30))
	}
	h.mcap = h.size > 1 && !h.people[1].child && h.people[1].gender == "Female" && d.chance(40)
	return k
}

// padded writes n with leading zeros to at least width digits.
func padded(n, width int) string {
	var b [20]byte
	s := strconv.AppendInt(b[:0], int64(n), 10)
	if len(s) >= width {
		return string(s)
	}
	var out [20]byte
	for i := range out {
		out[i] = '0'
	}
	copy(out[width-len(s):], s)
	return string(out[:width])
}

// householdSection is the household as the case has it now, with an address
// and a way of contact for each time that they changed.
func (w *world) householdSection(i int, c *caseState) *events.HouseholdRecorded {
	if i == 0 {
		return calTraining()
	}
	h := w.home(i)
	first := &h.people[0]
	return &events.HouseholdRecorded{
		CaseID: caseID(i),
		PrimaryContact: events.Contact{
			FirstName: first.first, LastName: first.last, Phone: w.phone(i, c), Email: w.email(i, c),
			DateOfBirth: first.birth, SSNLast4: first.ssn,
			SpokenLanguage: h.language.Spoken, WrittenLanguage: h.language.Written,
		},
		Address: w.address(i, c),
	}
}

// calTraining is the household of the job aid's picture.
func calTraining() *events.HouseholdRecorded {
	return &events.HouseholdRecorded{
		CaseID: caseID(0),
		PrimaryContact: events.Contact{
			FirstName: "CAL", LastName: "TRAINING", Phone: "5555555555", Email: "ca@coveredca.com",
			DateOfBirth: 19800101, SSNLast4: "7880",
		},
		Address: events.Address{Line1: "12345 Main St", City: "Sacramento", State: "CA", ZIP: "95838"},
	}
}

// phone is a number of the range that is kept for fiction: 555-0100 to 0199.
func (w *world) phone(i int, c *caseState) string {
	d := newDice(w.c.Seed, streamContact, uint64(i)<<8|uint64(c.contact))
	if d.chance(25) {
		return ""
	}
	return words().Counties[w.home(i).place.County].Area + "55501" + padded(d.below(100), 2)
}

func (w *world) email(i int, c *caseState) string {
	d := newDice(w.c.Seed, streamContact, uint64(i)<<8|uint64(c.contact)|1<<48)
	if d.chance(60) {
		return ""
	}
	p := &w.home(i).people[0]
	return mailbox(p.first, p.last) + strconv.Itoa(d.between(1, 999)) + "@" + pick(&d, words().Domains)
}

// address is made up but for city, county and ZIP code.
func (w *world) address(i int, c *caseState) events.Address {
	d := newDice(w.c.Seed, streamStreet, uint64(i)<<8|uint64(c.address))
	at := w.home(i).place
	a := events.Address{
		Line1: strconv.Itoa(d.between(1, 19_999)) + " " + pick(&d, words().Streets) + " " + pick(&d, words().Suffixes),
		City:  at.City, State: at.State, ZIP: pick(&d, at.ZIPs), County: at.County,
	}
	if d.chance(270) {
		a.Line2 = pick(&d, words().Units)
	}
	return a
}

// memberSection is a member of a case.
func (w *world) memberSection(i, j int) *events.MemberRecorded {
	p := &w.home(i).people[j]
	return &events.MemberRecorded{Member: events.Member{
		CaseID: caseID(i), MemberID: memberID(i, j), FirstName: p.first, LastName: p.last, DateOfBirth: p.birth,
		Gender: p.gender, SSNLast4: p.ssn, Relationship: p.relationship, Applying: events.FlagOf(p.applying),
	}}
}
