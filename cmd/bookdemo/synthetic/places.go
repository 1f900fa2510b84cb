package synthetic

// county is one of California's, with an area code of its telephones and the
// carriers that sell there besides those that sell everywhere.
type county struct {
	name     string
	area     string
	carriers []int
	cchip    bool // children between Medi-Cal and subsidies are in CCHIP here
}

// place is where a household lives, or gets its mail.
type place struct {
	weight int
	city   string
	state  string
	county county
	zips   []string
}

var (
	alameda       = county{"Alameda", "510", []int{aetna}, false}
	butte         = county{"Butte", "530", nil, false}
	contraCosta   = county{"Contra Costa", "925", []int{aetna, healthNet}, false}
	fresno        = county{"Fresno", "559", []int{aetna, healthNet}, false}
	humboldt      = county{"Humboldt", "707", nil, false}
	imperial      = county{"Imperial", "760", []int{molina}, false}
	kern          = county{"Kern", "661", []int{healthNet}, false}
	losAngeles    = county{"Los Angeles", "213", []int{healthNet, laCare, molina}, false}
	merced        = county{"Merced", "209", nil, false}
	monterey      = county{"Monterey", "831", nil, false}
	napa          = county{"Napa", "707", []int{western}, false}
	orange        = county{"Orange", "714", []int{healthNet, molina}, false}
	placer        = county{"Placer", "916", []int{western, aetna}, false}
	riverside     = county{"Riverside", "951", []int{inland, healthNet, molina}, false}
	sacramento    = county{"Sacramento", "916", []int{western, aetna, healthNet, molina}, false}
	sanBernardino = county{"San Bernardino", "909", []int{inland, healthNet, molina}, false}
	sanDiego      = county{"San Diego", "619", []int{sharp, healthNet, molina}, false}
	sanFrancisco  = county{"San Francisco", "415", []int{chinese, healthNet}, true}
	sanJoaquin    = county{"San Joaquin", "209", []int{healthNet}, false}
	sanMateo      = county{"San Mateo", "650", []int{chinese, healthNet}, true}
	santaBarbara  = county{"Santa Barbara", "805", nil, false}
	santaClara    = county{"Santa Clara", "408", []int{valley, healthNet}, true}
	santaCruz     = county{"Santa Cruz", "831", []int{valley}, false}
	shasta        = county{"Shasta", "530", nil, false}
	solano        = county{"Solano", "707", []int{western}, false}
	sonoma        = county{"Sonoma", "707", []int{western}, false}
	stanislaus    = county{"Stanislaus", "209", []int{healthNet}, false}
	tulare        = county{"Tulare", "559", nil, false}
	ventura       = county{"Ventura", "805", nil, false}
	yolo          = county{"Yolo", "530", []int{western, aetna}, false}
	elsewhere     = county{"", "617", nil, false}
)

// places are cities of California by their size, and at the end a few mail
// addresses in other states, whose ZIP codes begin with zeros.
var places = []place{
	{1000, "Los Angeles", "CA", losAngeles, []string{"90001", "90011", "90026", "90033", "90044", "90057", "90066", "91331", "91402"}},
	{140, "Long Beach", "CA", losAngeles, []string{"90802", "90805", "90813"}},
	{70, "Glendale", "CA", losAngeles, []string{"91203", "91205", "91206"}},
	{60, "Santa Clarita", "CA", losAngeles, []string{"91321", "91350"}},
	{60, "Pomona", "CA", losAngeles, []string{"91766", "91767"}},
	{55, "Pasadena", "CA", losAngeles, []string{"91101", "91104"}},
	{45, "Monterey Park", "CA", losAngeles, []string{"91754", "91755"}},
	{400, "San Diego", "CA", sanDiego, []string{"92101", "92105", "92113", "92126", "92154"}},
	{80, "Chula Vista", "CA", sanDiego, []string{"91910", "91911", "91913"}},
	{60, "Escondido", "CA", sanDiego, []string{"92025", "92027"}},
	{110, "Anaheim", "CA", orange, []string{"92801", "92804", "92805"}},
	{100, "Santa Ana", "CA", orange, []string{"92701", "92703", "92704"}},
	{80, "Irvine", "CA", orange, []string{"92612", "92618", "92620"}},
	{70, "Westminster", "CA", orange, []string{"92683"}},
	{60, "Garden Grove", "CA", orange, []string{"92840", "92843"}},
	{100, "Riverside", "CA", riverside, []string{"92501", "92503", "92507"}},
	{70, "Moreno Valley", "CA", riverside, []string{"92551", "92553"}},
	{40, "Rancho Cucamonga", "CA", sanBernardino, []string{"91701", "91730"}},
	{80, "San Bernardino", "CA", sanBernardino, []string{"92404", "92405", "92410"}},
	{60, "Fontana", "CA", sanBernardino, []string{"92335", "92336"}},
	{250, "San Jose", "CA", santaClara, []string{"95112", "95116", "95122", "95127", "95136"}},
	{50, "Sunnyvale", "CA", santaClara, []string{"94085", "94087"}},
	{40, "Gilroy", "CA", santaClara, []string{"95020"}},
	{220, "San Francisco", "CA", sanFrancisco, []string{"94102", "94110", "94112", "94121", "94124", "94134"}},
	{40, "Daly City", "CA", sanMateo, []string{"94014", "94015"}},
	{40, "Redwood City", "CA", sanMateo, []string{"94061", "94063"}},
	{130, "Oakland", "CA", alameda, []string{"94601", "94606", "94607", "94621"}},
	{70, "Fremont", "CA", alameda, []string{"94536", "94538"}},
	{40, "Berkeley", "CA", alameda, []string{"94702", "94704"}},
	{60, "Concord", "CA", contraCosta, []string{"94518", "94520"}},
	{50, "Richmond", "CA", contraCosta, []string{"94801", "94804"}},
	{180, "Sacramento", "CA", sacramento, []string{"95814", "95820", "95823", "95828", "95838"}},
	{50, "Elk Grove", "CA", sacramento, []string{"95624", "95758"}},
	{40, "Roseville", "CA", placer, []string{"95661", "95678"}},
	{25, "Davis", "CA", yolo, []string{"95616", "95618"}},
	{25, "Woodland", "CA", yolo, []string{"95695"}},
	{170, "Fresno", "CA", fresno, []string{"93702", "93706", "93722", "93727"}},
	{120, "Bakersfield", "CA", kern, []string{"93304", "93306", "93307", "93311"}},
	{90, "Stockton", "CA", sanJoaquin, []string{"95205", "95206", "95210"}},
	{70, "Modesto", "CA", stanislaus, []string{"95350", "95351", "95355"}},
	{45, "Visalia", "CA", tulare, []string{"93277", "93291"}},
	{35, "Merced", "CA", merced, []string{"95340", "95348"}},
	{60, "Oxnard", "CA", ventura, []string{"93030", "93033"}},
	{30, "Santa Maria", "CA", santaBarbara, []string{"93454", "93458"}},
	{45, "Salinas", "CA", monterey, []string{"93901", "93905", "93906"}},
	{25, "Santa Cruz", "CA", santaCruz, []string{"95060", "95062"}},
	{25, "Watsonville", "CA", santaCruz, []string{"95076"}},
	{50, "Santa Rosa", "CA", sonoma, []string{"95401", "95403", "95407"}},
	{35, "Vallejo", "CA", solano, []string{"94589", "94590"}},
	{20, "Napa", "CA", napa, []string{"94558", "94559"}},
	{25, "Redding", "CA", shasta, []string{"96001", "96003"}},
	{25, "Chico", "CA", butte, []string{"95926", "95928"}},
	{15, "Eureka", "CA", humboldt, []string{"95501", "95503"}},
	{20, "El Centro", "CA", imperial, []string{"92243"}},
	{8, "Cambridge", "MA", elsewhere, []string{"02139", "02138"}},
	{5, "Providence", "RI", elsewhere, []string{"02903"}},
	{5, "Jersey City", "NJ", elsewhere, []string{"07302"}},
	{4, "San Juan", "PR", elsewhere, []string{"00901"}},
}

// placeWeights are the weights of places, in their order.
var placeWeights = func() []int {
	weights := make([]int, len(places))
	for i, p := range places {
		weights[i] = p.weight
	}
	return weights
}()

// heritageWeights are the weights of heritages, in their order.
var heritageWeights = func() []int {
	weights := make([]int, len(heritages))
	for i, h := range heritages {
		weights[i] = h.weight
	}
	return weights
}()

var (
	streets = []string{"Almond Blossom", "Arroyo Seco", "Bougainvillea", "Buckeye", "Camino del Rey", "Cañada Verde",
		"Cedar Hollow", "Ceanothus", "Del Paso", "Eucalyptus", "Fig Tree", "Founders", "Grizzly Flat", "Harvest Moon",
		"Jacaranda", "Juniper", "La Peña", "Lemon Grove", "Lupine", "Magnolia", "Mariposa", "Mission Bell",
		"Mockingbird", "Nightingale", "Old Mill", "Orange Blossom", "Paseo del Sol", "Pepper Tree", "Quail Run",
		"Rancho Viejo", "Sagebrush", "Shadow Creek", "Starling", "Sycamore", "Tamarack", "Tule Lake", "Vineyard",
		"Willow Glen", "Yerba Santa", "Zinfandel"}
	suffixes = []string{"St", "Ave", "Blvd", "Dr", "Ln", "Ct", "Way", "Rd", "Pl", "Cir"}
	units    = []string{"Apt 2", "Apt 4B", "Apt 12", "Apt 203", "Unit 7", "Unit B", "# 105", "Space 31", "PO Box 0417"}
	domains  = []string{"example.com", "example.org", "example.net"}
)
