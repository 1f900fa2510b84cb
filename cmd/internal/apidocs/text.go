package apidocs

import (
	"html/template"
	"strings"
)

// section is a part of a text with its heading. The first section has no heading.
type section struct{ Title, Text string }

// sections splits a text at its level-2 headings.
func sections(text string) (all []section) {
	for i, part := range strings.Split(text, "\n## ") {
		p := section{Text: part}
		if i > 0 {
			p.Title, p.Text, _ = strings.Cut(part, "\n")
		}
		all = append(all, p)
	}
	return all
}

// blocks renders the subset of CommonMark that the descriptions use: paragraphs,
// lists, fenced code blocks and inline code.
func blocks(text string) template.HTML {
	var b strings.Builder
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		part = strings.TrimSpace(part)
		if code, ok := strings.CutPrefix(part, "```"); ok {
			b.WriteString(`<pre tabindex="0"><code>` + template.HTMLEscapeString(strings.TrimSpace(strings.TrimSuffix(code, "```"))) + "</code></pre>\n")
		} else if list, ok := strings.CutPrefix(part, "- "); ok {
			b.WriteString("<ul>\n")
			for item := range strings.SplitSeq(list, "\n- ") {
				b.WriteString("<li>" + string(inline(item)) + "</li>\n")
			}
			b.WriteString("</ul>\n")
		} else {
			b.WriteString("<p>" + string(inline(part)) + "</p>\n")
		}
	}
	return template.HTML(b.String())
}

// inline renders text with inline code.
func inline(text string) template.HTML {
	var b strings.Builder
	for i, piece := range strings.Split(strings.Join(strings.Fields(text), " "), "`") {
		if i%2 == 0 {
			b.WriteString(template.HTMLEscapeString(piece))
		} else {
			b.WriteString("<code>" + string(breakable(piece)) + "</code>")
		}
	}
	return template.HTML(b.String())
}

// breakable renders a name or a path with places where a line may break.
func breakable(text string) template.HTML {
	var b strings.Builder
	start := 0
	for i := 1; i < len(text)-1; i++ {
		if strings.IndexByte("/_.:=-", text[i]) >= 0 && text[i+1] != '/' {
			b.WriteString(template.HTMLEscapeString(text[start:i+1]) + "<wbr>")
			start = i + 1
		}
	}
	return template.HTML(b.String() + template.HTMLEscapeString(text[start:]))
}

// slug returns a title in a form for use in an id.
func slug(title string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9')
	}), "-")
}
