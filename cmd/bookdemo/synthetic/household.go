package synthetic

import (
	"strconv"

	"bookledger/events"
)

// kind is the eligibility of a household.
type kind uint8

const (
	kindCovered kind = iota
	kindMediCal
	kindMixed      // parents Covered California, children Medi-Cal or CCHIP
	kindIneligible // for nothing
)

// maxMembers is the maximum size of a household.
const maxMembers = 6

// person is a member of a household. The IDs are blank.
type person struct {
	events.Member
	child bool
}

// household contains what never changes in a case. It is not stored: it is computed
// from the seed and the index of the case when needed.
type household struct {
	caseIndex int                // the index of the case, or -1
	people    [maxMembers]person // people after the first size join later, as children
	size      int                // when the case is created
	kind      kind
	income    *income
	place     *place
	language  language
	mcap      bool // the second adult is in MCAP
	dental    bool
}

// householdOf returns the household of a case. It is valid until the next call for
// another case.
func (g *generator) householdOf(c *caseState) *household {
	h := &g.household
	if h.caseIndex == c.index {
		return h
	}
	d := newDice(g.config.Seed, streamPeople, uint64(c.index))
	*h = household{caseIndex: c.index, language: language{"English", "English"}}
	origin := weighted(&d, tables().Heritages)
	if d.chance(origin.Foreign) {
		h.language = pick(&d, origin.Languages)
	}
	h.place = weighted(&d, tables().Places)
	h.size = 1 + d.weighted(560, 230, 90, 75, 30, 15)
	h.income = weighted(&d, tables().Incomes)
	h.dental = d.chance(230)
	h.addPeople(&d, origin, g.birthYear)
	h.kind = kind(d.weighted(770, 190, 0, 40))
	if h.size > 1 && h.people[h.size-1].child {
		h.kind = kind(d.weighted(390, 220, 360, 30))
	}
	h.mcap = h.size > 1 && !h.people[1].child && h.people[1].Gender == "Female" && d.chance(40)
	return h
}

// addPeople fills the household with people. Their ages in the given year fit their
// relationship.
func (h *household) addPeople(d *dice, origin *heritage, year int) {
	couple := h.size > 1 && d.chance(700)
	age := 19 + d.weighted(1, 3, 4, 4, 4, 5, 5, 6, 5)*5 + d.below(5)
	born := func(year int) events.Date { return newYear(year).AddDays(d.below(365)) }
	family := pick(d, origin.Families)
	for j := range h.people {
		p := &h.people[j]
		p.LastName = family
		woman := d.chance(510)
		switch {
		case j == 0:
			p.Relationship = "Self"
			p.DateOfBirth = born(year - age)
		case j == 1 && couple:
			p.Relationship = pick(d, []string{"Spouse", "Spouse", "Spouse", "Spouse", "Domestic Partner"})
			p.DateOfBirth = born(year - max(19, age+d.between(-6, 6)))
			woman = woman != d.chance(900)
			if d.chance(300) {
				p.LastName = pick(d, origin.Families)
			}
		default:
			p.Relationship, p.child = pick(d, []string{"Child", "Child", "Child", "Child", "Stepchild"}), true
			p.DateOfBirth = born(year - d.between(0, min(18, max(0, age-19))))
			if d.chance(60) && len(family) < 12 {
				p.LastName = family + "-" + pick(d, origin.Families)
			}
		}
		p.Gender, p.FirstName = "Male", pick(d, origin.Men)
		if woman {
			p.Gender, p.FirstName = "Female", pick(d, origin.Women)
		}
		if d.chance(6) {
			p.Gender = "Nonbinary"
		}
		if !d.chance(110) {
			p.SSNLast4 = zeroPad(d.below(10_000), 4)
		}
		p.Applying = events.FlagOf(p.child || j == 0 || d.chance(900))
	}
}

// householdSection returns the current household of a case. Each change of address
// or contact selects another one. CAL TRAINING's data is from the job aid.
func (g *generator) householdSection(c *caseState) *events.HouseholdRecorded {
	if c.index == 0 {
		return &events.HouseholdRecorded{
			CaseID: caseID(0),
			PrimaryContact: events.Contact{
				FirstName: "CAL", LastName: "TRAINING", Phone: "5555555555", Email: "ca@coveredca.com",
				DateOfBirth: 19800101, SSNLast4: "7880",
			},
			Address: events.Address{Line1: "12345 Main St", City: "Sacramento", State: "CA", ZIP: "95838"},
		}
	}
	h := g.householdOf(c)
	first, at := &h.people[0], h.place
	of := &events.HouseholdRecorded{
		CaseID: caseID(c.index),
		PrimaryContact: events.Contact{
			FirstName: first.FirstName, LastName: first.LastName, DateOfBirth: first.DateOfBirth, SSNLast4: first.SSNLast4,
			SpokenLanguage: h.language.Spoken, WrittenLanguage: h.language.Written,
		},
	}
	contact := uint64(c.index)<<8 | uint64(c.contact)
	if d := newDice(g.config.Seed, streamContact, contact); !d.chance(25) {
		// 555-0100 to 555-0199 are reserved for fiction.
		of.PrimaryContact.Phone = tables().Counties[at.County].Area + "55501" + zeroPad(d.below(100), 2)
	}
	if d := newDice(g.config.Seed, streamContact, contact|1<<48); !d.chance(60) {
		of.PrimaryContact.Email = asciiLetters(first.FirstName) + "." + asciiLetters(first.LastName) +
			strconv.Itoa(d.between(1, 999)) + "@" + pick(&d, tables().Domains)
	}
	d := newDice(g.config.Seed, streamStreet, uint64(c.index)<<8|uint64(c.address))
	of.Address = events.Address{
		Line1: strconv.Itoa(d.between(1, 19_999)) + " " + pick(&d, tables().Streets) + " " + pick(&d, tables().Suffixes),
		City:  at.City, State: at.State, ZIP: pick(&d, at.ZIPs), County: at.County,
	}
	if d.chance(270) {
		of.Address.Line2 = pick(&d, tables().Units)
	}
	return of
}

// memberSection returns member j of a case.
func (g *generator) memberSection(c *caseState, j int) *events.MemberRecorded {
	m := &events.MemberRecorded{Member: g.householdOf(c).people[j].Member}
	m.CaseID, m.MemberID = caseID(c.index), memberID(c.index, j)
	return m
}
