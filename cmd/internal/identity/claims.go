package identity

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"bookledger/projections/access"
)

var identifier = regexp.MustCompile(`^[A-Za-z0-9._-]{1,40}$`)

// maxNameLength limits the display name, in code points.
const maxNameLength = 100

// person returns the person that a verified token identifies.
func (o Options) person(claims map[string]any) (access.Person, error) {
	id, _ := claimAt(claims, o.PersonClaim).(string)
	if !identifier.MatchString(id) {
		return access.Person{}, fail(ReasonPerson, "the sign-in service sent no valid person id (1 to 40 of A-Z a-z 0-9 . _ -); ask its operator to check the claim for the person")
	}
	p := access.Person{ID: id}
	switch agent := claimAt(claims, o.AgentClaim).(type) {
	case nil:
	case string:
		p.AgentID = agent
	default:
		p.AgentID = "\x00" // not an identifier, so it is refused below
	}
	if p.AgentID != "" && !identifier.MatchString(p.AgentID) {
		return access.Person{}, fail(ReasonPerson, "the sign-in service sent an invalid agent id (1 to 40 of A-Z a-z 0-9 . _ -); ask its operator to check the claim for the agent")
	}
	name, _ := claimAt(claims, o.NameClaim).(string)
	p.Name = displayName(name)
	roles := claimTexts(claimAt(claims, o.RolesClaim))
	p.Auditor = slices.Contains(roles, string(access.Auditor))
	p.Operator = slices.Contains(roles, string(access.Operator))
	return p, nil
}

// claimAt returns a claim: the one with path as its whole name, which may
// contain dots, or otherwise the one that the path leads to.
func claimAt(claims map[string]any, path string) any {
	if v, found := claims[path]; found {
		return v
	}
	first, rest, dotted := strings.Cut(path, ".")
	inner, object := claims[first].(map[string]any)
	if !dotted || !object {
		return nil
	}
	return claimAt(inner, rest)
}

// claimTexts returns the strings of a claim that is a string or a list of
// strings.
func claimTexts(claim any) []string {
	switch v := claim.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, item := range v {
			if s, ok := item.(string); ok {
				all = append(all, s)
			}
		}
		return all
	}
	return nil
}

// displayName returns a name without control characters, cut to maxNameLength.
func displayName(name string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	letters := []rune(strings.TrimSpace(clean))
	return string(letters[:min(len(letters), maxNameLength)])
}
