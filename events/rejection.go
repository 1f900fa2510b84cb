package events

// Code names why an event was rejected; the values are contracts.
type Code string

// The rejection codes, in the order in which a record is judged.
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

// Rejection says why an event was not taken: the code, the path of the field
// at fault from the top of the event ("data.primary_contact.ssn_last4",
// "data.member_ids[1]"; "" when the whole message is), and a reason in words.
// None of them repeats a value of the event.
type Rejection struct {
	Code   Code
	Field  string
	Reason string
}

// Error makes a Rejection usable as an error of commands that refuse input.
func (r *Rejection) Error() string {
	if r.Field == "" {
		return string(r.Code) + ": " + r.Reason
	}
	return string(r.Code) + ": " + r.Field + ": " + r.Reason
}

func reject(code Code, field, reason string) *Rejection {
	return &Rejection{Code: code, Field: field, Reason: reason}
}

// within returns the rejection with its field's path below name.
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
