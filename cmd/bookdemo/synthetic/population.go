package synthetic

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/unicode/norm"
)

// population is the tables from which people, places and plans are made up;
// population.yaml says what each of them means.
type population struct {
	Heritages   []*heritage
	Counties    map[string]county
	Places      []*place
	Carriers    []*carrier
	Tiers       []*tier
	Incomes     []*income
	Ages        []struct{ From, Percent int }
	DentalPlans []dentalPlan `yaml:"dental_plans"`
	Stages      []struct {   // by stage
		Status string
		Next   []string
	}
	OpenBinders     []string `yaml:"open_binders"`
	DeclineReasons  []string `yaml:"decline_reasons"`
	WithdrawReasons []string `yaml:"withdraw_reasons"`
	CloseReasons    []string `yaml:"close_reasons"`
	Streets         []string
	Suffixes        []string
	Units           []string
	Domains         []string
	AgencyFirst     []string                          `yaml:"agency_first"`
	AgencySecond    []string                          `yaml:"agency_second"`
	AgencySizes     []int                             `yaml:"agency_sizes"`
	BookSizes       []struct{ Rank, Least, Most int } `yaml:"book_sizes"`
}

// heritage is a part of California's population.
type heritage struct {
	Weight    int
	Women     []string
	Men       []string
	Families  []string
	Languages []language
	Foreign   int // of a thousand, those who prefer one of Languages
}

// language is how someone is spoken and written to.
type language struct{ Spoken, Written string }

type county struct {
	Area     string     // code of its telephones
	Carriers []*carrier // those that sell here only
	CCHIP    bool
}

// place is where a household lives, or gets its mail.
type place struct {
	Weight      int
	City, State string
	County      string // blank outside California
	ZIPs        []string
}

// carrier sells health plans, in most cases through one kind of network.
type carrier struct {
	Name    string
	Brand   string // how its plans' names begin
	Network string
	Issuer  string // of the HIOS plan id
	Product int
	Percent int64 // its premiums, of the ordinary ones
}

// tier is a metal tier.
type tier struct {
	Weight int
	Name   string
	Label  string
	Plan   int   // the last digits of its HIOS plan id
	Cents  int64 // the monthly premium at the age of 21
}

// income is what a household's income entitles it to.
type income struct {
	Weight      int
	CSR         string // level of the cost sharing reduction; "" is none
	Tier        *tier  // with that reduction
	Subsidy     int64  // by the state of each member's premium, in cents
	Least, Most int    // tax credit of a member, in cents
	CCHIP       bool   // its children are in CCHIP where the county has it
}

type dentalPlan struct {
	Carrier, Name, ID string
	Cents             int64 // a month, for an adult
}

func (h *heritage) weight() int { return h.Weight }
func (p *place) weight() int    { return p.Weight }
func (t *tier) weight() int     { return t.Weight }
func (i *income) weight() int   { return i.Weight }

//go:embed population.yaml
var populationText []byte

// tables are read once; tests read them, so that reading cannot fail later.
var tables = sync.OnceValue(func() *population {
	p := &population{}
	if err := yaml.UnmarshalWithOptions(populationText, p, yaml.Strict()); err != nil {
		panic("reading population.yaml: " + err.Error())
	}
	return p
})

// anyName is someone's name.
func randomName(d *dice) (first, last string) {
	h := weighted(d, tables().Heritages)
	first = pick(d, h.Women)
	if d.chance(500) {
		first = pick(d, h.Men)
	}
	return first, pick(d, h.Families)
}

// ageFactor is the premium at an age, in percent of that at 21.
func ageFactor(age int) int64 {
	for _, a := range tables().Ages {
		if max(age, 0) >= a.From {
			return int64(a.Percent)
		}
	}
	panic("population.yaml has no premium from the age of 0 on")
}

// letters are the letters of a name, for an e-mail address: in lower case and
// without marks.
func asciiLetters(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r
		case r == 'ø':
			return 'o'
		case r == 'đ':
			return 'd'
		}
		return -1
	}, norm.NFD.String(strings.ToLower(name)))
}
