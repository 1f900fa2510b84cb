package synthetic

// carrier sells health plans, in most cases through one kind of network.
type carrier struct {
	name    string
	brand   string // how its plans' names begin
	network string
	issuer  string // of the HIOS plan id
	product int
	percent int // its premiums, of the ordinary ones
}

// The carriers of health plans, as indexes of carriers. The first three sell
// everywhere.
const (
	anthem = iota
	blueShield
	kaiser
	healthNet
	laCare
	molina
	sharp
	western
	valley
	chinese
	inland
	aetna
	sellEverywhere = kaiser + 1
)

var carriers = [...]carrier{
	anthem:     {"Anthem Blue Cross", "Anthem", "EPO", "27603", 120, 103},
	blueShield: {"Blue Shield of California", "Blue Shield", "PPO", "70285", 129, 112},
	kaiser:     {"Kaiser Permanente", "Kaiser Permanente", "HMO", "40513", 38, 101},
	healthNet:  {"Health Net", "Health Net Ambetter", "HMO", "67138", 53, 96},
	laCare:     {"L.A. Care Health Plan", "L.A. Care Covered", "HMO", "92815", 2, 89},
	molina:     {"Molina Healthcare", "Molina Marketplace", "HMO", "18126", 5, 91},
	sharp:      {"Sharp Health Plan", "Sharp Premier", "HMO", "92499", 14, 98},
	western:    {"Western Health Advantage", "Western Advantage", "HMO", "93689", 7, 106},
	valley:     {"Valley Health Plan", "Valley Preferred", "HMO", "84014", 3, 97},
	chinese:    {"Chinese Community Health Plan", "CCHP Balance", "HMO", "47579", 4, 94},
	inland:     {"Inland Empire Health Plan", "IEHP Covered", "HMO", "62144", 1, 88},
	aetna:      {"Aetna CVS Health", "Aetna CVS", "HMO", "10544", 9, 105},
}

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

// dentalPlan is a dental plan with its monthly premium for an adult.
type dentalPlan struct {
	carrier, name, id string
	cents             int64
}

var dentalPlans = []dentalPlan{
	{"Delta Dental of California", "Delta Dental PPO", "71201CA0010001", 4_718},
	{"Delta Dental of California", "DeltaCare USA Dental HMO", "71201CA0020001", 1_496},
	{"Anthem Blue Cross", "Anthem Dental Family PPO", "27603CA1290003", 3_985},
	{"Blue Shield of California", "Blue Shield Dental HMO", "70285CA1500001", 1_310},
	{"Liberty Dental Plan", "Liberty Family Dental HMO", "98622CA0010002", 1_275},
	{"California Dental Network", "Family Dental HMO", "90318CA0010001", 1_180},
}
