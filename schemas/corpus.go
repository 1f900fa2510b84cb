package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Case is one message of the corpus, and what a check of it alone must say.
type Case struct {
	Name    string // the file, such as "invalid/data-null"
	About   string // why the case is there
	Subject string // the subject that the message stood on
	Message []byte // the message's body, byte for byte

	// Code and Field are of the rejection: the code as in the contracts, and
	// the path of the field at fault from the top of the event, such as
	// "data.member_ids[1]", or "" where it is the message as a whole. Both are
	// "" for a message that is valid.
	Code, Field string
}

// caseFile is a Case as its file says it. The message is either an event,
// taken byte for byte with its indentation, or where that cannot say it, the
// message's text or bytes.
type caseFile struct {
	About     string          `json:"about"`
	Subject   string          `json:"subject"`
	Code      string          `json:"code"`
	Field     *string         `json:"field"`
	Event     json.RawMessage `json:"event"`
	Raw       *string         `json:"raw"`
	RawBase64 []byte          `json:"raw_base64"`
}

// Corpus returns every case of the corpus, sorted by name.
func Corpus() ([]Case, error) {
	var cases []Case
	err := fs.WalkDir(files, "corpus", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(path, "corpus/"), ".json")
		c, err := parseCase(name, content)
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		cases = append(cases, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	return cases, nil
}

func parseCase(name string, content []byte) (Case, error) {
	var f caseFile
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return Case{}, err
	}
	c := Case{Name: name, About: f.About, Subject: f.Subject, Code: f.Code}
	messages := 0
	if f.Event != nil {
		c.Message = f.Event
		messages++
	}
	if f.Raw != nil {
		c.Message = []byte(*f.Raw)
		messages++
	}
	if f.RawBase64 != nil {
		c.Message = f.RawBase64
		messages++
	}
	if f.Field != nil {
		c.Field = *f.Field
	}
	invalid := strings.HasPrefix(name, "invalid/")
	switch {
	case f.About == "" || f.Subject == "":
		return Case{}, errors.New("about and subject are required")
	case messages != 1:
		return Case{}, errors.New("exactly one of event, raw and raw_base64 is required")
	case invalid && (f.Code == "" || f.Field == nil):
		return Case{}, errors.New("an invalid case has code and field")
	case !invalid && (f.Code != "" || f.Field != nil):
		return Case{}, errors.New("a valid case has neither code nor field")
	}
	return c, nil
}
