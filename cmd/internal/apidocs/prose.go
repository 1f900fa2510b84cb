package apidocs

import "strings"

// block is a paragraph, a list or an example of a text.
type block struct {
	Spans []span   // of a paragraph
	Items [][]span // of a list
	Code  string   // of an example
}

// span is a piece of text, or of code within it.
type span struct {
	Text string
	Code bool
}

// passage is a text with its heading; the first of a text has none.
type passage struct {
	ID     string
	Title  string
	Blocks []block
}

// passages reads as much of CommonMark as the description is written in:
// headings of the second level, paragraphs, lists, examples between fences,
// and code between backticks.
func passages(text string) []passage {
	all := []passage{{}}
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		part = strings.TrimSpace(part)
		if title, ok := strings.CutPrefix(part, "## "); ok {
			all = append(all, passage{ID: "about-" + slug(title), Title: title})
			continue
		}
		last := &all[len(all)-1]
		last.Blocks = append(last.Blocks, blockOf(part))
	}
	return all
}

func blockOf(part string) block {
	if code, ok := strings.CutPrefix(part, "```"); ok {
		return block{Code: strings.TrimSpace(strings.TrimSuffix(code, "```"))}
	}
	if list, ok := strings.CutPrefix(part, "- "); ok {
		var b block
		for item := range strings.SplitSeq(list, "\n- ") {
			b.Items = append(b.Items, spansOf(item))
		}
		return b
	}
	return block{Spans: spansOf(part)}
}

// blocksOf reads a text without headings.
func blocksOf(text string) []block { return passages(text)[0].Blocks }

func spansOf(text string) []span {
	var all []span
	code := false
	for piece := range strings.SplitSeq(strings.Join(strings.Fields(text), " "), "`") {
		if piece != "" {
			all = append(all, span{piece, code})
		}
		code = !code
	}
	return all
}

// slug is a title as part of an id.
func slug(title string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9')
	}), "-")
}

// parts cuts a name, a path or the like where a line may break.
func parts(text string) []string {
	var all []string
	start := 0
	for i := 1; i < len(text)-1; i++ {
		if strings.IndexByte("/_.:=-", text[i]) >= 0 && text[i+1] != '/' {
			all = append(all, text[start:i+1])
			start = i + 1
		}
	}
	return append(all, text[start:])
}
