package events

// Code identifies the reason for a rejection. The values are part of the
// published contract.
type Code string

// The rejection codes, in the order of the checks.
const (
	Malformed          Code = "malformed"
	WrongSubject       Code = "wrong_subject"
	BadRecorded        Code = "bad_recorded"
	HistoryClosedCode  Code = "history_closed"
	TimeStepBack       Code = "time_step_back"
	UnsupportedType    Code = "unsupported_type"
	UnsupportedVersion Code = "unsupported_version"
	Schema             Code = "schema"
	NoPendingRequest   Code = "no_pending_request"
	NotDelegated       Code = "not_delegated"
	WrongAgent         Code = "wrong_agent"
	UnknownMember      Code = "unknown_member"
	UnknownAgent       Code = "unknown_agent"
)

// Rejection describes why an event was rejected. It never repeats a value of
// the event.
type Rejection struct {
	Code Code
	// Field is the path of the wrong field from the top of the event, such as
	// "data.primary_contact.ssn_last4" or "data.member_ids[1]". It is "" if the
	// whole message is wrong.
	Field  string
	Reason string // a short text for people
}

// Error returns the code, the field and the reason, so commands can return a
// Rejection as an error.
func (r *Rejection) Error() string {
	if r.Field == "" {
		return string(r.Code) + ": " + r.Reason
	}
	return string(r.Code) + ": " + r.Field + ": " + r.Reason
}

func reject(code Code, field, reason string) *Rejection {
	return &Rejection{Code: code, Field: field, Reason: reason}
}

// within prefixes the path of the field with name. A nil Rejection stays nil.
func (r *Rejection) within(name string) *Rejection {
	if r == nil {
		return nil
	}
	if r.Field != "" {
		name += "." + r.Field
	}
	r.Field = name
	return r
}
