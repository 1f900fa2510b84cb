package synthetic

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/unicode/norm"
)

// population contains the tables of names, places and plans. See population.yaml for
// their meaning.
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

// heritage is a part of California's population, with its names and languages.
type heritage struct {
	Weight    int
	Women     []string
	Men       []string
	Families  []string
	Languages []language
	Foreign   int // per thousand who prefer one of Languages
}

// language is a preferred spoken and written language.
type language struct{ Spoken, Written string }

type county struct {
	Area     string     // telephone area code
	Carriers []*carrier // carriers that sell only in some counties
	CCHIP    bool
}

// place is where a household lives or gets its mail.
type place struct {
	Weight      int
	City, State string
	County      string // blank outside California
	ZIPs        []string
}

// carrier sells health plans.
type carrier struct {
	Name    string
	Brand   string // prefix of its plan names
	Network string
	Issuer  string // issuer part of the HIOS plan ID
	Product int
	Percent int64 // its premiums, in percent of the average
}

// tier is a metal tier.
type tier struct {
	Weight int
	Name   string
	Label  string
	Plan   int   // last digits of the HIOS plan ID
	Cents  int64 // monthly premium at age 21
}

// income describes the subsidies for a range of household incomes.
type income struct {
	Weight      int
	CSR         string // cost-sharing reduction level, or ""
	Tier        *tier  // the tier with that reduction, or nil
	Subsidy     int64  // monthly state subsidy per member, in cents
	Least, Most int    // range of the monthly tax credit per member, in cents
	CCHIP       bool   // children are in CCHIP if the county has it
}

type dentalPlan struct {
	Carrier, Name, ID string
	Cents             int64 // monthly premium for an adult
}

func (h *heritage) weight() int { return h.Weight }
func (p *place) weight() int    { return p.Weight }
func (t *tier) weight() int     { return t.Weight }
func (i *income) weight() int   { return i.Weight }

//go:embed population.yaml
var populationText []byte

// tables returns the parsed population.yaml. It panics if the embedded file is
// invalid, which tests rule out.
var tables = sync.OnceValue(func() *population {
	p := &population{}
	if err := yaml.UnmarshalWithOptions(populationText, p, yaml.Strict()); err != nil {
		panic("reading population.yaml: " + err.Error())
	}
	return p
})

// randomName returns a random name.
func randomName(d *dice) (first, last string) {
	h := weighted(d, tables().Heritages)
	first = pick(d, h.Women)
	if d.chance(500) {
		first = pick(d, h.Men)
	}
	return first, pick(d, h.Families)
}

// ageFactor returns the premium at an age, in percent of that at age 21.
func ageFactor(age int) int64 {
	for _, a := range tables().Ages {
		if max(age, 0) >= a.From {
			return int64(a.Percent)
		}
	}
	panic("population.yaml has no premium for age 0")
}

// asciiLetters returns the letters of a name for an email address: lower case and
// without diacritics.
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
