package book

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// words are the enumerated values as people read them.
var words = map[string]string{
	"covered_california":     "Covered California",
	"medi_cal":               "Medi-Cal",
	"mcap":                   "MCAP",
	"cchip":                  "CCHIP",
	"none":                   "None",
	"eligible":               "Eligible",
	"conditionally_eligible": "Conditionally Eligible",
	"ineligible":             "Ineligible",
	"pending":                "Pending",
	"enrolled":               "Enrolled",
	"cancelled":              "Cancelled",
	"terminated":             "Terminated",
}

// Label returns an enumerated value of program or status as people read it.
func Label(value string) string {
	if w, ok := words[value]; ok {
		return w
	}
	return value
}

// FullName returns a first and a last name, of which one may be blank, as people
// write them.
func FullName(first, last string) string { return strings.TrimSpace(first + " " + last) }

// MaskSSN returns the last four digits as XXX-XX-1234, or "".
func MaskSSN(last4 string) string {
	if last4 == "" {
		return ""
	}
	return "XXX-XX-" + last4
}

// SortKey returns the key by which a name is ordered and found: NFD, without
// marks, case-folded. "José" and "JOSE" have the same.
func SortKey(name string) string {
	if isASCII(name) {
		return strings.ToLower(name)
	}
	plain := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.M, r) {
			return -1
		}
		return r
	}, norm.NFD.String(name))
	if isASCII(plain) { // as most names with an accent
		return strings.ToLower(plain)
	}
	return cases.Fold().String(plain)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
