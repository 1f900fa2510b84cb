package schemas

import (
	"embed"
	"fmt"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed book/*.yaml
var columnSets embed.FS

// Columns is a column set: the columns of a book from left to right.
type Columns struct {
	Version string   `yaml:"version"`
	Title   string   `yaml:"title"` // title of the workbook
	Columns []Column `yaml:"columns"`
}

// Column is one column of a book.
type Column struct {
	Header string  `yaml:"header"`
	Field  string  `yaml:"field"`  // source of the value, such as "member.last_name"
	Kind   string  `yaml:"kind"`   // one of the Kind constants
	Width  float64 `yaml:"width"`  // in characters, as Excel measures width
	Group  string  `yaml:"group"`  // name of the group of adjacent columns
	Legend string  `yaml:"legend"` // one sentence: what the column contains and when it is empty
}

// The kinds of columns.
const (
	KindText  = "text"  // text, including identifiers, ZIP codes, phone numbers and SSNs
	KindDate  = "date"  // dates
	KindMoney = "money" // dollars with two decimal places
	KindYear  = "year"  // a whole number without separators
	KindYesNo = "yesno" // Yes or No
)

// currentColumns is the version of the current column set.
const currentColumns = "1"

// CurrentColumns returns the column set for new workbooks. Callers must not modify
// it.
var CurrentColumns = sync.OnceValue(func() Columns {
	set, err := ColumnSet(currentColumns)
	if err != nil {
		panic(err) // the set is embedded and tested
	}
	return set
})

// ColumnSet returns the column set of a version such as "1". The error wraps
// fs.ErrNotExist if the version does not exist. ColumnSet does not validate the set:
// the sets are embedded, and a test checks them against book/columnset.schema.json.
func ColumnSet(version string) (set Columns, err error) {
	document, err := columnSets.ReadFile("book/v" + version + ".yaml")
	if err == nil {
		err = yaml.UnmarshalWithOptions(document, &set, yaml.Strict())
	}
	if err != nil {
		return Columns{}, fmt.Errorf("reading column set %q: %w", version, err)
	}
	return set, nil
}
