package book

import "encoding/binary"

// canonicalFields lists the fields in the canonical form of a row under rules 1, in
// order. Sealed roots cover exactly these fields, so adding a field needs a new
// rules number.
var canonicalFields = []string{
	"case.id", "application.year", "household.type",
	"application.current_status", "application.next_steps", "application.submitted_on",
	"primary.first_name", "primary.last_name", "primary.phone", "primary.email",
	"address.line1", "address.line2", "address.city", "address.state", "address.zip", "address.county",
	"primary.spoken_language", "primary.written_language",
	"member.id", "member.first_name", "member.last_name", "member.relationship",
	"member.date_of_birth", "member.gender", "member.ssn", "member.applying",
	"eligibility.program", "eligibility.status", "eligibility.csr_level",
	"eligibility.aptc_monthly", "eligibility.verification_due_on",
	"health.carrier", "health.plan_name", "health.hios_plan_id", "health.metal_tier",
	"health.coverage_start", "health.coverage_end", "health.status",
	"health.gross_premium", "health.aptc_applied", "health.state_subsidy", "health.net_premium",
	"health.binder_status", "health.subscriber_id",
	"dental.carrier", "dental.plan_name", "dental.status", "dental.net_premium",
	"delegation.status", "delegation.since", "agent.name", "agent.license",
}

// canonicalReaders contains the field functions of canonicalFields.
var canonicalReaders = func() []Field {
	all := make([]Field, len(canonicalFields))
	for i, name := range canonicalFields {
		all[i] = fields[name]
	}
	return all
}()

// NamedValue is a field of a row and its value in canonical form. Evidence contains
// it as JSON.
type NamedValue struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// Canonical returns the fields of the row that are not blank, in canonical order.
func (r *Row) Canonical() (values []NamedValue) {
	for i, field := range canonicalReaders {
		if v := field(r).String(); v != "" {
			values = append(values, NamedValue{canonicalFields[i], v})
		}
	}
	return values
}

// AppendCanonical appends the canonical form of the row: the name and the value of
// every field that is not blank. Each is preceded by its length as 8 bytes in
// big-endian order.
func (r *Row) AppendCanonical(dst []byte) []byte {
	for i, field := range canonicalReaders {
		if v := field(r).String(); v != "" {
			dst = appendSized(appendSized(dst, canonicalFields[i]), v)
		}
	}
	return dst
}

// AppendCanonical appends the canonical form of a row from the values that
// Row.Canonical returned.
func AppendCanonical(dst []byte, values []NamedValue) []byte {
	for _, v := range values {
		dst = appendSized(appendSized(dst, v.Field), v.Value)
	}
	return dst
}

func appendSized(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint64(dst, uint64(len(s))), s...)
}
