package portal

import (
	"cmp"
	"net/http"

	"bookledger/cmd/internal/service"
)

// homePage is the data of the home page. It has a section for each agent or
// agency that the person works for.
type homePage struct {
	*service.Home
	Sections []homeSection
	Person   string // ID
	Message  *message
}

// homeSection summarizes the consumers of an agent or agency.
type homeSection struct {
	About about
	*service.Overview
	Role string
	Bars []bar
}

// bar is one household type in the chart.
type bar struct {
	Name  string
	Class string
	Count int
	Width int    // in thousandths of the longest bar
	Share string // of all consumers, like "42%"
}

var barClasses = [...]string{"covered", "mixed", "medi", "none"}

func (p *Portal) home(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	h, err := p.Service.Home(c)
	if err != nil {
		return err
	}
	page := homePage{Home: h, Person: c.ID, Message: p.takeMessage(r)}
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
		page.Sections = append(page.Sections, homeSection{newAbout(c, &v.OwnerInfo), v, roles[i], bars(v)})
	}
	return p.render(w, r, http.StatusOK, "home", "Home", page)
}

// bars returns the chart of consumers by household type.
func bars(v *service.Overview) []bar {
	longest := 1
	for _, t := range v.ByType {
		longest = max(longest, t.Consumers)
	}
	var all []bar
	for i, t := range v.ByType {
		all = append(all, bar{
			Name: cmp.Or(t.HouseholdType, "Not determined"), Class: barClasses[i%len(barClasses)],
			Count: t.Consumers, Width: t.Consumers * 1000 / longest, Share: share(t.Consumers, v.Active),
		})
	}
	return all
}

// share returns n as a percentage of all, like "42%". It returns 100% and 0% only
// if they are exact.
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
