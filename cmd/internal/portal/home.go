package portal

import (
	"cmp"
	"net/http"

	"bookledger/cmd/internal/service"
)

// homePage is what the home page shows: a part for each place that somebody
// has in the ledger.
type homePage struct {
	*service.Home
	Places  []place
	Person  string // the id, for those who have none
	Message *message
}

// place is an agent's own consumers, or an agency's.
type place struct {
	About about
	*service.Overview
	Role string
	Bars []bar
}

// bar is one household type in the picture.
type bar struct {
	Name  string
	Class string
	N     int
	Width int    // in thousandths of the longest
	Share string // of all, like 42%
}

var barClasses = [...]string{"covered", "mixed", "medi", "none"}

func (p *Portal) home(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	h, err := p.Service.Home(c)
	if err != nil {
		return err
	}
	page := homePage{Home: h, Person: c.ID, Message: p.said(r)}
	owners, roles := []service.Owner{}, []string{}
	if h.Agent != "" {
		owners, roles = append(owners, service.Owner{Agent: h.Agent}), append(roles, "Agent")
	}
	for _, a := range h.Agencies {
		owners, roles = append(owners, service.Owner{Agency: a.AgencyID}), append(roles, roleName(string(a.Role)))
	}
	for i, o := range owners {
		v, err := p.Service.Overview(c, o)
		if err != nil {
			return err
		}
		page.Places = append(page.Places, place{newAbout(c, &v.OwnerInfo), v, roles[i], bars(v)})
	}
	return p.render(w, r, http.StatusOK, "home", "Home", page)
}

// bars are the consumers by household type, as a picture shows them.
func bars(v *service.Overview) []bar {
	longest := 1
	for _, t := range v.ByType {
		longest = max(longest, t.Consumers)
	}
	var all []bar
	for i, t := range v.ByType {
		all = append(all, bar{
			Name: cmp.Or(t.HouseholdType, "Not determined"), Class: barClasses[i%len(barClasses)],
			N: t.Consumers, Width: t.Consumers * 1000 / longest, Share: share(t.Consumers, v.Active),
		})
	}
	return all
}

// share is a part of all, like "42%". What is not all is never told as all,
// nor what is something as nothing.
func share(n, all int) string {
	percent := (n*200/max(1, all) + 1) / 2
	if n > 0 && percent == 0 {
		return "less than 1%"
	}
	if n < all && percent == 100 {
		return "99%"
	}
	return number(percent) + "%"
}
