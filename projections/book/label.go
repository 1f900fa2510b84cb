package book

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// labels maps enumerated values to their display texts.
var labels = map[string]string{
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

// Label returns the display text of a program or a status. It returns an unknown
// value unchanged.
func Label(value string) string {
	if w, ok := labels[value]; ok {
		return w
	}
	return value
}

// FullName joins a first and a last name; either may be blank.
func FullName(first, last string) string { return strings.TrimSpace(first + " " + last) }

// MaskSSN formats the last four digits as XXX-XX-1234. It returns "" for "".
func MaskSSN(last4 string) string {
	if last4 == "" {
		return ""
	}
	return "XXX-XX-" + last4
}

// SortKey returns the key by which names are sorted and searched: the name in NFD,
// without marks, case-folded. "José" and "JOSE" have the same key.
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
	if isASCII(plain) { // most names with accents
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
