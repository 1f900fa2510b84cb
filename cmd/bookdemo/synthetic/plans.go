package synthetic

// sellEverywhere is how many of the carriers, the first ones, sell in every county.
const sellEverywhere = 3

// tier is a metal tier with its plan's share of the costs, the last digits of
// its HIOS plan id and its premium at the age of 21, in cents.
type tier struct {
	name  string
	label string
	plan  int
	cents int64
}

// The tiers, as indexes of tiers; the Silver ones beyond the first are
// Silver 70 with cost sharing reduced.
const (
	bronze = iota
	bronzeHDHP
	silver
	gold
	platinum
	minimum
	silver73
	silver87
	silver94
)

var tiers = [...]tier{
	bronze:     {"Bronze", "Bronze 60", 1, 29_146},
	bronzeHDHP: {"Bronze HDHP", "Bronze 60 HDHP", 2, 29_588},
	silver:     {"Silver", "Silver 70", 3, 37_612},
	gold:       {"Gold", "Gold 80", 4, 42_475},
	platinum:   {"Platinum", "Platinum 90", 5, 49_530},
	minimum:    {"Minimum Coverage", "Minimum Coverage", 6, 23_071},
	silver73:   {"Silver 73", "Silver 73", 3, 37_612},
	silver87:   {"Silver 87", "Silver 87", 3, 37_612},
	silver94:   {"Silver 94", "Silver 94", 3, 37_612},
}

// csrLevels and csrTiers go by the household's income, highest first.
var (
	csrLevels = [4]string{"", "CSR 73", "CSR 87", "CSR 94"}
	csrTiers  = [4]int{silver, silver73, silver87, silver94}
)

// ageFactors are the premiums of an age and up, in percent of those of 21.
var ageFactors = []struct {
	age     int
	percent int64
}{
	{64, 300}, {60, 271}, {55, 223}, {50, 179}, {45, 144}, {40, 128}, {35, 122}, {30, 114}, {21, 100}, {15, 88}, {0, 77},
}

func ageFactor(age int) int64 {
	for _, f := range ageFactors {
		if age >= f.age {
			return f.percent
		}
	}
	return ageFactors[len(ageFactors)-1].percent
}
