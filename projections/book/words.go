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

// Word returns an enumerated value of program or status as people read it.
func Word(value string) string {
	if w, ok := words[value]; ok {
		return w
	}
	return value
}

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
	if key, ok := asciiKey(name); ok {
		return key
	}
	plain := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.M, r) {
			return -1
		}
		return r
	}, norm.NFD.String(name))
	if key, ok := asciiKey(plain); ok {
		return key // as of most names with an accent
	}
	return cases.Fold().String(plain)
}

// asciiKey is the short way for names of ASCII letters.
func asciiKey(name string) (string, bool) {
	upper := false
	for i := range len(name) {
		c := name[i]
		if c >= utf8.RuneSelf {
			return "", false
		}
		upper = upper || c >= 'A' && c <= 'Z'
	}
	if !upper {
		return name, true
	}
	return strings.ToLower(name), true
}
