package synthetic

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

// population are the words of which the world's people, places and plans are
// made; population.yaml says what each of them means.
type population struct {
	Heritages    []heritage
	Counties     map[string]county
	Places       []place
	Carriers     []carrier
	DentalPlans  []dentalPlan `yaml:"dental_plans"`
	Streets      []string
	Suffixes     []string
	Units        []string
	Domains      []string
	AgencyFirst  []string `yaml:"agency_first"`
	AgencySecond []string `yaml:"agency_second"`

	heritageWeights, placeWeights []int // in their order
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
	Area     string   // code of its telephones
	Carriers []string // those that sell here only, by their keys
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
	Key     string
	Name    string
	Brand   string // how its plans' names begin
	Network string
	Issuer  string // of the HIOS plan id
	Product int
	Percent int // its premiums, of the ordinary ones
}

type dentalPlan struct {
	Carrier, Name, ID string
	Cents             int64 // a month, for an adult
}

//go:embed population.yaml
var populationText []byte

// words are read once; a test reads them, so that reading cannot fail later.
var words = sync.OnceValue(func() *population {
	p := &population{}
	if err := yaml.UnmarshalWithOptions(populationText, p, yaml.Strict()); err != nil {
		panic("reading population.yaml: " + err.Error())
	}
	for _, h := range p.Heritages {
		p.heritageWeights = append(p.heritageWeights, h.Weight)
	}
	for _, at := range p.Places {
		p.placeWeights = append(p.placeWeights, at.Weight)
	}
	return p
})

// carrier returns the carrier with that key.
func (p *population) carrier(key string) *carrier {
	for i := range p.Carriers {
		if p.Carriers[i].Key == key {
			return &p.Carriers[i]
		}
	}
	panic("population.yaml knows no carrier " + key)
}

// plain takes the marks off the letters that the tables of names use.
var plain = strings.NewReplacer(
	"á", "a", "à", "a", "ă", "a", "ạ", "a", "ả", "a", "ầ", "a", "ấ", "a", "ặ", "a", "â", "a", "ä", "a",
	"é", "e", "ë", "e", "ê", "e", "ễ", "e", "ế", "e", "í", "i", "ì", "i", "ị", "i", "ï", "i", "ý", "y",
	"ó", "o", "ö", "o", "ô", "o", "ồ", "o", "ỗ", "o", "ơ", "o", "ọ", "o", "ø", "o", "õ", "o",
	"ú", "u", "ü", "u", "ù", "u", "ũ", "u", "ư", "u", "ứ", "u", "ỳ", "y", "ñ", "n", "ř", "r", "đ", "d",
	"'", "", "‘", "", ".", "", " ", "", "-", "")

// mailbox is what stands before the @ of someone with this name.
func mailbox(first, last string) string {
	box := make([]byte, 0, 40)
	for _, s := range [2]string{first, last} {
		if len(box) > 0 {
			box = append(box, '.')
		}
		s = plain.Replace(strings.ToLower(s))
		for i := range len(s) {
			if s[i] >= 'a' && s[i] <= 'z' {
				box = append(box, s[i])
			}
		}
	}
	return string(box)
}
