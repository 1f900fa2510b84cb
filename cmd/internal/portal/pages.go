package portal

// pages contains the page links below a list.
type pages struct {
	Last           int
	Previous, Next string
	Numbers        []pageLink
}

// pageLink is a link to one page. N is 0 for a gap between pages.
type pageLink struct {
	N       int
	To      string
	Current bool
}

// newPages returns the links on page n of a list with rows rows: to the first
// page, the last page, and the pages around n.
func newPages(n, rows, size int, to func(int) string) pages {
	p := pages{Last: (rows + size - 1) / size}
	last := p.Last
	if last < 2 {
		return p
	}
	if n > 1 {
		p.Previous = to(min(n-1, last))
	}
	if n < last {
		p.Next = to(n + 1)
	}
	shown := 0
	for i := 1; i <= last; i++ {
		if i != 1 && i != last && (i < n-2 || i > n+2) {
			continue
		}
		if i > shown+1 {
			p.Numbers = append(p.Numbers, pageLink{})
		}
		p.Numbers = append(p.Numbers, pageLink{N: i, To: to(i), Current: i == n})
		shown = i
	}
	return p
}
