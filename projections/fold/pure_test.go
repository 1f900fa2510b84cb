package fold_test

import (
	"bytes"
	"cmp"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/projections/fold"
)

// deepCopy returns a copy of a case that shares no memory with it.
func deepCopy(t *rapid.T, c *fold.Case) fold.Case {
	out, err := fold.DecodeCase(fold.AppendCase(nil, c))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// addSpareCapacity gives every slice of a case capacity beyond its length. A
// careless append would write there.
func addSpareCapacity(c *fold.Case) {
	c.Applications = append(slices.Grow(c.Applications, 4), make([]events.ApplicationRecorded, 2)...)[:len(c.Applications)]
	c.Members = append(slices.Grow(c.Members, 4), make([]events.Member, 2)...)[:len(c.Members)]
	c.Eligibility = append(slices.Grow(c.Eligibility, 4), make([]events.EligibilityDetermined, 2)...)[:len(c.Eligibility)]
	c.Enrollments = append(slices.Grow(c.Enrollments, 4), make([]events.EnrollmentRecorded, 2)...)[:len(c.Enrollments)]
	c.Pending = append(slices.Grow(c.Pending, 4), make([]fold.Request, 2)...)[:len(c.Pending)]
}

// cloneWithSpareCapacity clones a case, including the items beyond the length of
// its slices.
func cloneWithSpareCapacity(c fold.Case) fold.Case {
	c.Applications = slices.Clone(c.Applications[:cap(c.Applications)])
	c.Members = slices.Clone(c.Members[:cap(c.Members)])
	c.Eligibility = slices.Clone(c.Eligibility[:cap(c.Eligibility)])
	c.Enrollments = slices.Clone(c.Enrollments[:cap(c.Enrollments)])
	for i := range c.Enrollments {
		c.Enrollments[i].MemberIDs = slices.Clone(c.Enrollments[i].MemberIDs)
	}
	c.Pending = slices.Clone(c.Pending[:cap(c.Pending)])
	return c
}

// TestNextCaseIsPure checks that NextCase modifies neither the state nor the
// event passed in, that a rejected event changes nothing, and that equal
// arguments produce equal results.
func TestNextCaseIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c fold.Case
		for seq := range rapid.IntRange(1, 40).Draw(t, "events") {
			data := drawEvent(t)
			position := fold.Position{Seq: uint64(seq + 1), Recorded: first.Add(time.Duration(seq) * time.Hour)}
			addSpareCapacity(&c)
			before, beforeEvent := cloneWithSpareCapacity(c), reflect.ValueOf(data).Elem().Interface()
			next, changed, rejection := fold.NextCase(c, data, position)
			if !reflect.DeepEqual(cloneWithSpareCapacity(c), before) {
				t.Fatalf("%T: NextCase modified the state passed in", data)
			}
			if !reflect.DeepEqual(reflect.ValueOf(data).Elem().Interface(), beforeEvent) {
				t.Fatalf("%T: NextCase modified the event", data)
			}
			if same := bytes.Equal(fold.AppendCase(nil, &c), fold.AppendCase(nil, &next)); same == changed {
				t.Fatalf("%T: got changed %t with equal encodings %t", data, changed, same)
			}
			if rejection != nil && changed || changed && next.Changed != position {
				t.Fatalf("%T: got changed %t at %v, %v", data, changed, next.Changed, rejection)
			}
			again, _, _ := fold.NextCase(deepCopy(t, &c), data, position)
			if !bytes.Equal(fold.AppendCase(nil, &again), fold.AppendCase(nil, &next)) {
				t.Fatalf("%T: got different states from equal arguments", data)
			}
			checkInvariants(t, &next)
			c = next
		}
	})
}

// checkInvariants checks what holds for every case: sorted lists without
// duplicates, no case ids in sections, and no leftover delegation fields if
// nobody holds the case.
func checkInvariants(t *rapid.T, c *fold.Case) {
	ascending := func(name string, n int, compare func(i, j int) int) {
		for i := 1; i < n; i++ {
			if compare(i-1, i) >= 0 {
				t.Fatalf("%s out of order: %+v", name, c)
			}
		}
	}
	ascending("applications", len(c.Applications), func(i, j int) int {
		return cmp.Compare(c.Applications[i].ApplicationYear, c.Applications[j].ApplicationYear)
	})
	ascending("members", len(c.Members), func(i, j int) int { return cmp.Compare(c.Members[i].MemberID, c.Members[j].MemberID) })
	ascending("eligibility", len(c.Eligibility), func(i, j int) int {
		a, b := c.Eligibility[i], c.Eligibility[j]
		return cmp.Or(cmp.Compare(a.MemberID, b.MemberID), cmp.Compare(a.ApplicationYear, b.ApplicationYear))
	})
	ascending("requests", len(c.Pending), func(i, j int) int { return cmp.Compare(c.Pending[i].AgentID, c.Pending[j].AgentID) })
	ids := map[string]bool{}
	for _, e := range c.Enrollments {
		if ids[e.EnrollmentID] || e.CaseID != "" {
			t.Fatalf("duplicate enrollment or case id: %+v", c.Enrollments)
		}
		ids[e.EnrollmentID] = true
	}
	if (c.AgentID == "") != c.Since.IsZero() || c.AgentID == "" && c.Inactive || c.Household.CaseID != "" {
		t.Fatalf("got holder %q since %s, inactive %t", c.AgentID, c.Since, c.Inactive)
	}
}
