package synthetic

import "strings"

// language is how someone is spoken and written to.
type language struct{ spoken, written string }

var english = language{"English", "English"}

// heritage is a part of California's population: its names, and the languages
// that some of it prefers.
type heritage struct {
	weight    int
	women     []string
	men       []string
	families  []string
	languages []language
	foreign   int // of a thousand, those who prefer one of languages
}

// heritages are the names of the world's people.
var heritages = []heritage{
	{
		weight: 330,
		women: []string{"Mary", "Jennifer", "Linda", "Susan", "Karen", "Lisa", "Ashley", "Emily", "Hannah", "Olivia",
			"Emma", "Grace", "Abigail", "Chloë", "Zoë", "Renée", "Siobhán", "Mary-Kate", "Anne-Marie", "Latoya",
			"Imani", "Keisha", "Aaliyah", "Destiny", "Rachel", "Rebecca", "Margaret", "Dorothy", "Megan", "Brooke"},
		men: []string{"James", "Robert", "John", "Michael", "David", "William", "Richard", "Joseph", "Thomas", "Daniel",
			"Matthew", "Anthony", "Mark", "Steven", "Andrew", "Joshua", "Kevin", "Brian", "Tyler", "Jean-Luc",
			"Malik", "Darnell", "Andre", "Terrence", "Noah", "Liam", "Ethan", "Mason", "Logan", "Seán"},
		families: []string{"Smith", "Johnson", "Williams", "Brown", "Jones", "Miller", "Davis", "Wilson", "Anderson",
			"Taylor", "Moore", "Jackson", "Martin", "Thompson", "White", "Harris", "Clark", "Lewis", "Robinson",
			"Walker", "Young", "Allen", "King", "Wright", "Scott", "Hill", "Green", "Adams", "Baker", "Washington",
			"O'Brien", "O'Connor", "O'Neill", "D'Angelo", "McCarthy", "MacDonald", "Smith-Jones", "Van der Berg",
			"St. John", "Müller", "Søndergaard", "Björk", "Dvořák", "Kowalski", "L'Heureux", "De la Croix"},
		languages: []language{{"American Sign Language", "English"}, {"French", "English"}, {"German", "English"}},
		foreign:   8,
	},
	{
		weight: 340,
		women: []string{"María", "Guadalupe", "Ana", "Sofía", "Lucía", "Inés", "Verónica", "Rosa", "Carmen", "Elena",
			"Gabriela", "Daniela", "Ximena", "Camila", "Valeria", "Yolanda", "Esperanza", "Araceli", "Mónica", "Begoña",
			"María Guadalupe", "María de los Ángeles", "Luz María", "Concepción"},
		men: []string{"José", "Juan", "Luis", "Jesús", "Miguel", "Carlos", "Ángel", "Andrés", "Ramón", "Raúl",
			"Joaquín", "Martín", "Héctor", "Óscar", "Rubén", "Mateo", "Santiago", "Diego", "Alejandro", "Iñaki",
			"José Luis", "Juan Carlos", "Francisco Javier", "Cuauhtémoc"},
		families: []string{"García", "Hernández", "López", "Martínez", "González", "Rodríguez", "Pérez", "Sánchez",
			"Ramírez", "Flores", "Gómez", "Nuñez", "Muñoz", "Peña", "Ibáñez", "Ordóñez", "Castañeda", "Zúñiga",
			"Vásquez", "Jiménez", "Ruiz", "Torres", "Rivera", "Morales", "Ortiz", "Reyes", "Cruz", "Mendoza",
			"Aguilar", "Castillo", "Chávez", "Guzmán", "García-López", "Peña-Nuñez", "De la Cruz", "De la Torre",
			"Fernández de Córdoba y Villaseñor", "Montes de Oca", "Ponce de León", "Agüero"},
		languages: []language{{"Spanish", "Spanish"}, {"Spanish", "Spanish"}, {"Spanish", "English"}},
		foreign:   480,
	},
	{
		weight: 70,
		women:  []string{"Thị Hồng", "Lan", "Mai", "Hạnh", "Phương", "Ngọc", "Tuyết", "Thảo", "Kim-Anh", "Bích"},
		men:    []string{"Minh", "Đức", "Hùng", "Dũng", "Tuấn", "Quang", "Văn Thành", "Bảo", "Khôi", "Đạt"},
		families: []string{"Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Hoàng", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ",
			"Hồ", "Ngô", "Dương", "Lý"},
		languages: []language{{"Vietnamese", "Vietnamese"}, {"Vietnamese", "English"}},
		foreign:   520,
	},
	{
		weight: 80,
		women:  []string{"Mei", "Li", "Xiu Ying", "Jing", "Yan", "Lihua", "Wei Ling", "Hui-Min", "Amy", "Grace"},
		men:    []string{"Wei", "Jun", "Ming", "Jian", "Hao", "Zhiwei", "Kai", "Guo Qiang", "Kevin", "Eric"},
		families: []string{"Wang", "Li", "Zhang", "Liu", "Chen", "Yang", "Huang", "Wu", "Lin", "Wong", "Chan", "Lü",
			"Cheung", "Lau", "Ng", "Ouyang", "Szeto"},
		languages: []language{{"Cantonese", "Traditional Chinese"}, {"Mandarin", "Simplified Chinese"}, {"Mandarin", "Traditional Chinese"}},
		foreign:   430,
	},
	{
		weight: 60,
		women:  []string{"Maricel", "Rosario", "Jasmine", "Divina", "Luzviminda", "Cherry Ann", "Maria Theresa", "Analyn"},
		men:    []string{"Rommel", "Jomar", "Arnel", "Ferdinand", "Bayani", "Jericho", "Mark Anthony", "Rodel"},
		families: []string{"Santos", "Dela Cruz", "Bautista", "Villanueva", "Dimaculangan", "Macaraeg", "Pangilinan",
			"Catacutan", "Magsaysay", "Tolentino", "Añonuevo"},
		languages: []language{{"Tagalog", "English"}, {"Tagalog", "Tagalog"}},
		foreign:   220,
	},
	{
		weight:    35,
		women:     []string{"Ji-woo", "Min-seo", "Soo-jin", "Eun-kyung", "Hye-won", "Yuna", "Grace"},
		men:       []string{"Min-jun", "Seo-jun", "Ji-hoon", "Sung-ho", "Young-soo", "Dong-hyun", "Daniel"},
		families:  []string{"Kim", "Lee", "Park", "Choi", "Jung", "Kang", "Yoon", "Namkoong"},
		languages: []language{{"Korean", "Korean"}},
		foreign:   450,
	},
	{
		weight:    25,
		women:     []string{"Ani", "Siranush", "Lusine", "Hasmik", "Nazeli", "Gayané"},
		men:       []string{"Hovhannes", "Vahe", "Garo", "Armen", "Tigran", "Hagop"},
		families:  []string{"Hakobyan", "Petrosyan", "Sargsyan", "Der-Bedrosian", "Keshishian", "Ter-Martirosyan"},
		languages: []language{{"Armenian", "Armenian"}, {"Russian", "Russian"}},
		foreign:   500,
	},
	{
		weight:    25,
		women:     []string{"Shirin", "Parisa", "Nasrin", "Leïla", "Farah", "Rana", "Noor"},
		men:       []string{"Reza", "Kourosh", "Omid", "Youssef", "Khalid", "Samir", "Dariush"},
		families:  []string{"Hosseini", "Tehrani", "Shahbazi", "Al-Khatib", "El-Sayed", "Haddad", "Ben Youssef"},
		languages: []language{{"Farsi", "Farsi"}, {"Arabic", "Arabic"}},
		foreign:   420,
	},
	{
		weight: 25,
		women:  []string{"Priya", "Harpreet", "Ananya", "Lakshmi", "Gurleen", "Kavya", "Meenakshi"},
		men:    []string{"Gurpreet", "Arjun", "Rahul", "Jaswinder", "Vikram", "Venkata Subrahmanyam", "Imran"},
		families: []string{"Singh", "Kaur", "Patel", "Sharma", "Krishnamurthy", "Dhillon", "Gill",
			"Venkatanarasimharajuvaripeta", "Ramachandran", "Khan"},
		languages: []language{{"Punjabi", "Punjabi"}, {"Hindi", "English"}},
		foreign:   260,
	},
	{
		weight:    10,
		women:     []string{"Mai Yer", "Pa Houa", "Tatiana", "Oksana", "Sokha", "Haunani"},
		men:       []string{"Tou", "Chue", "Dmitri", "Volodymyr", "Sophal", "Kawika"},
		families:  []string{"Vang", "Xiong", "Yang", "Petrenko", "Ivanov", "Chhay", "Keawe‘aimoku"},
		languages: []language{{"Hmong", "Hmong"}, {"Russian", "Russian"}, {"Cambodian", "Cambodian"}, {"Ukrainian", "Ukrainian"}},
		foreign:   500,
	},
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

// agencyWords make up the names of agencies.
var (
	agencyFirst = []string{"Golden Poppy", "Sierra Vista", "Redwood", "Bay Laurel", "Harbor Light", "Valley Oak",
		"Pacific Crest", "Mission", "Manzanita", "Blue Heron", "Live Oak", "Coastline", "Sunrise", "El Camino",
		"Two Rivers", "Monarch", "Granite Peak", "Madrone", "Sea Ranch", "Alta"}
	agencySecond = []string{"Insurance Services", "Benefits", "Health Insurance Agency", "Insurance Group",
		"Family Insurance", "Insurance Solutions", "& Daughters Insurance", "Coverage Partners"}
)
