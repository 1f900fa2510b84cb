package schemas

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"

	"github.com/goccy/go-yaml"
)

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

// maxWidth is the widest that Excel lets a column be.
const maxWidth = 255

var (
	versionForm = regexp.MustCompile(`^[1-9][0-9]{0,5}$`)
	fieldForm   = regexp.MustCompile(`^[a-z]+\.[a-z][a-z0-9_]*$`)
	lineForm    = regexp.MustCompile(`^[^\x00-\x1f\x7f-\x{9f}\x{fffe}\x{ffff}]{1,250}$`)
)

// ColumnSet reads and checks the column set of a version, such as "1". The
// error wraps fs.ErrNotExist where there is no such version.
func ColumnSet(version string) (Columns, error) {
	if !versionForm.MatchString(version) {
		return Columns{}, fmt.Errorf("column set %q: %w", version, fs.ErrNotExist)
	}
	document, err := files.ReadFile("book/v" + version + ".yaml")
	if err != nil {
		return Columns{}, fmt.Errorf("column set %q: %w", version, err)
	}
	set, err := parseColumns(document)
	if err == nil && set.Version != version {
		err = fmt.Errorf("the file says version %q", set.Version)
	}
	if err != nil {
		return Columns{}, fmt.Errorf("column set %q: %w", version, err)
	}
	return set, nil
}

// parseColumns reads a column set and checks what book/columnset.schema.json
// asks of it, and that nothing stands in it twice, which no schema can say.
func parseColumns(document []byte) (Columns, error) {
	var set Columns
	if err := yaml.UnmarshalWithOptions(document, &set, yaml.Strict()); err != nil {
		return Columns{}, fmt.Errorf("reading the YAML: %w", err)
	}
	if !versionForm.MatchString(set.Version) || !lineForm.MatchString(set.Title) || len(set.Columns) == 0 {
		return Columns{}, errors.New("version, title and columns are required")
	}
	headers, fields, groups := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	group := ""
	for i, c := range set.Columns {
		err := c.check()
		switch {
		case err != nil:
		case headers[c.Header]:
			err = errors.New("the header stands there twice")
		case fields[c.Field]:
			err = errors.New("the field stands there twice")
		case c.Group != group && groups[c.Group]:
			err = errors.New("the columns of the group do not stand together")
		}
		if err != nil {
			return Columns{}, fmt.Errorf("column %d (%s): %w", i+1, c.Header, err)
		}
		group = c.Group
		headers[c.Header], fields[c.Field], groups[c.Group] = true, true, true
	}
	return set, nil
}

func (c Column) check() error {
	switch {
	case !lineForm.MatchString(c.Header) || !lineForm.MatchString(c.Group) || !lineForm.MatchString(c.Legend):
		return errors.New("header, group and legend are one line of text each")
	case !fieldForm.MatchString(c.Field):
		return fmt.Errorf("field %q is not of the form part.name", c.Field)
	case !slices.Contains([]string{KindText, KindDate, KindMoney, KindYear, KindYesNo}, c.Kind):
		return fmt.Errorf("unknown kind %q", c.Kind)
	case !(c.Width > 0 && c.Width <= maxWidth):
		return fmt.Errorf("width %v is not above 0 and at most %d", c.Width, maxWidth)
	}
	return nil
}
