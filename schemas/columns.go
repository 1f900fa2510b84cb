package schemas

import (
	"embed"
	"fmt"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed book/*.yaml
var columnSets embed.FS

// Columns is a column set: the columns of the book from left to right.
type Columns struct {
	Version string   `yaml:"version"`
	Title   string   `yaml:"title"` // what the workbook calls itself
	Columns []Column `yaml:"columns"`
}

// Column is one column of the book.
type Column struct {
	Header string  `yaml:"header"`
	Field  string  `yaml:"field"`  // where the value comes from, such as "member.last_name"
	Kind   string  `yaml:"kind"`   // one of the Kind constants
	Width  float64 `yaml:"width"`  // in characters, as Excel measures it
	Group  string  `yaml:"group"`  // heading of the columns that belong together
	Legend string  `yaml:"legend"` // one sentence: what it holds, and when it is empty
}

// The kinds of columns.
const (
	KindText  = "text"  // text cells; identifiers, ZIP, phone and SSN too
	KindDate  = "date"  // dates
	KindMoney = "money" // dollars with two places
	KindYear  = "year"  // a whole number without separators
	KindYesNo = "yesno" // Yes or No
)

// currentColumns is the version of the column set that books have.
const currentColumns = "1"

// CurrentColumns returns the column set that books have. It is shared, and
// must not be changed.
var CurrentColumns = sync.OnceValue(func() Columns {
	set, err := ColumnSet(currentColumns)
	if err != nil {
		panic(err) // the set is embedded, and a test reads it
	}
	return set
})

// ColumnSet reads the column set of a version, such as "1". The error wraps
// fs.ErrNotExist where there is no such version. The sets are embedded, and a
// test holds each against book/columnset.schema.json, so that they are not
// checked again here.
func ColumnSet(version string) (set Columns, err error) {
	document, err := columnSets.ReadFile("book/v" + version + ".yaml")
	if err == nil {
		err = yaml.UnmarshalWithOptions(document, &set, yaml.Strict())
	}
	if err != nil {
		return Columns{}, fmt.Errorf("reading the column set %q: %w", version, err)
	}
	return set, nil
}
