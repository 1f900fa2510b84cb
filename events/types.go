package events

// The types of consumer events. A type that ends in _recorded replaces its
// whole section of the case.
const (
	TypeHouseholdRecorded     = "consumer.household_recorded.v1"
	TypeApplicationRecorded   = "consumer.application_recorded.v1"
	TypeMemberRecorded        = "consumer.member_recorded.v1"
	TypeMemberRemoved         = "consumer.member_removed.v1"
	TypeEligibilityDetermined = "consumer.eligibility_determined.v1"
	TypeEnrollmentRecorded    = "consumer.enrollment_recorded.v1"
	TypeCaseClosed            = "consumer.case_closed.v1"
)

// The types of delegation events.
const (
	TypeDelegationRequested      = "delegation.requested.v1"
	TypeDelegationAccepted       = "delegation.accepted.v1"
	TypeDelegationDeclined       = "delegation.declined.v1"
	TypeDelegationWithdrawn      = "delegation.withdrawn.v1"
	TypeDelegationCreated        = "delegation.created.v1"
	TypeDelegationMarkedInactive = "delegation.marked_inactive.v1"
	TypeDelegationReactivated    = "delegation.reactivated.v1"
	TypeDelegationTransferred    = "delegation.transferred.v1"
	TypeDelegationEnded          = "delegation.ended.v1"
)

// The types of agency events.
const (
	TypeAgencyRegistered = "agency.registered.v1"
	TypeAgentCertified   = "agency.agent_certified.v1"
	TypeAgentMoved       = "agency.agent_moved.v1"
	TypeAgentDecertified = "agency.agent_decertified.v1"
	TypeStaffAssigned    = "agency.staff_assigned.v1"
	TypeStaffRemoved     = "agency.staff_removed.v1"
)

// The types of the ledger's own events.
const (
	TypeGenesis         = "ledger.genesis.v1"
	TypeClock           = "ledger.clock.v1"
	TypeHistoryClosed   = "ledger.history_closed.v1"
	TypeRules           = "ledger.rules.v1"
	TypeSealed          = "ledger.sealed.v1"
	TypeSealSigned      = "ledger.seal_signed.v1"
	TypeSealKeyChanged  = "ledger.seal_key_changed.v1"
	TypeExportRequested = "ledger.export_requested.v1"
	TypeExportDeclined  = "ledger.export_declined.v1"
	TypeExportDenied    = "ledger.export_denied.v1"
	TypeExportMade      = "ledger.export_made.v1"
)

// Data is the data of an event: a pointer to one of the structs of this
// package. A field's rule tag names the check for its value. A string field
// without a rule is free text of at most 200 characters.
type Data interface{ data() }

// Contact is the primary contact of a household.
type Contact struct {
	FirstName       string `json:"first_name,omitzero" rule:"name"`
	LastName        string `json:"last_name,omitzero" rule:"name"`
	Phone           string `json:"phone,omitzero"`
	Email           string `json:"email,omitzero"`
	DateOfBirth     Date   `json:"date_of_birth,omitzero"`
	SSNLast4        string `json:"ssn_last4,omitzero" rule:"ssn_last4"`
	SpokenLanguage  string `json:"spoken_language,omitzero"`
	WrittenLanguage string `json:"written_language,omitzero"`
}

// Address is the home address of a household.
type Address struct {
	Line1  string `json:"line1,omitzero" doc:"Street and number."`
	Line2  string `json:"line2,omitzero" doc:"Apartment or unit."`
	City   string `json:"city,omitzero" doc:"City."`
	State  string `json:"state,omitzero" doc:"State."`
	ZIP    string `json:"zip,omitzero" doc:"ZIP code."`
	County string `json:"county,omitzero" doc:"County."`
}

// HouseholdRecorded is the household section of a case.
type HouseholdRecorded struct {
	CaseID         string  `json:"case_id" rule:"identifier,required"`
	PrimaryContact Contact `json:"primary_contact,omitzero"`
	Address        Address `json:"address,omitzero"`
}

// ApplicationRecorded is a case's application for one year.
type ApplicationRecorded struct {
	CaseID          string `json:"case_id" rule:"identifier,required"`
	ApplicationYear int    `json:"application_year" rule:"year,required"`
	CurrentStatus   string `json:"current_status,omitzero"`
	NextSteps       string `json:"next_steps,omitzero"`
	SubmittedOn     Date   `json:"submitted_on,omitzero"`
}

// Member is a person in a case.
type Member struct {
	CaseID       string `json:"case_id" rule:"identifier,required"`
	MemberID     string `json:"member_id" rule:"identifier,required"`
	FirstName    string `json:"first_name,omitzero" rule:"name"`
	LastName     string `json:"last_name,omitzero" rule:"name"`
	DateOfBirth  Date   `json:"date_of_birth,omitzero"`
	Gender       string `json:"gender,omitzero"`
	SSNLast4     string `json:"ssn_last4,omitzero" rule:"ssn_last4"`
	Relationship string `json:"relationship,omitzero"`
	Applying     Flag   `json:"applying,omitzero"`
}

// MemberRecorded adds a member to a case or replaces the member's data.
type MemberRecorded struct{ Member }

// MemberRemoved removes a member from a case. Only the ids are used.
type MemberRemoved struct{ Member }

// The programs of an eligibility determination.
const (
	ProgramCoveredCalifornia = "covered_california"
	ProgramMediCal           = "medi_cal"
	ProgramMCAP              = "mcap"
	ProgramCCHIP             = "cchip"
	ProgramNone              = "none"
)

// EligibilityDetermined is a member's eligibility for one year.
type EligibilityDetermined struct {
	CaseID            string `json:"case_id" rule:"identifier,required"`
	MemberID          string `json:"member_id" rule:"identifier,required"`
	ApplicationYear   int    `json:"application_year" rule:"year,required"`
	Program           string `json:"program" rule:"one,required" values:"covered_california medi_cal mcap cchip none"`
	Status            string `json:"status" rule:"one,required" values:"eligible conditionally_eligible ineligible pending"`
	APTCMonthly       Money  `json:"aptc_monthly,omitzero"`
	CSRLevel          string `json:"csr_level,omitzero"`
	VerificationDueOn Date   `json:"verification_due_on,omitzero"`
}

// EnrollmentRecorded is the coverage of members of a case by one plan in one
// year.
type EnrollmentRecorded struct {
	CaseID          string   `json:"case_id" rule:"identifier,required"`
	EnrollmentID    string   `json:"enrollment_id" rule:"identifier,required"`
	ApplicationYear int      `json:"application_year" rule:"year,required"`
	CoverageKind    string   `json:"coverage_kind" rule:"one,required" values:"health dental"`
	MemberIDs       []string `json:"member_ids" rule:"identifiers,required"`
	Carrier         string   `json:"carrier,omitzero"`
	PlanName        string   `json:"plan_name,omitzero"`
	HIOSPlanID      string   `json:"hios_plan_id,omitzero"`
	MetalTier       string   `json:"metal_tier,omitzero"`
	CoverageStart   Date     `json:"coverage_start,omitzero"`
	CoverageEnd     Date     `json:"coverage_end,omitzero"`
	Status          string   `json:"status" rule:"one,required" values:"pending enrolled cancelled terminated"`
	GrossPremium    Money    `json:"gross_premium,omitzero"`
	APTCApplied     Money    `json:"aptc_applied,omitzero"`
	StateSubsidy    Money    `json:"state_subsidy,omitzero"`
	NetPremium      Money    `json:"net_premium,omitzero"`
	BinderStatus    string   `json:"binder_status,omitzero"`
	SubscriberID    string   `json:"subscriber_id,omitzero"`
}

// CaseClosed removes a case from lists and later books.
type CaseClosed struct {
	CaseID string `json:"case_id" rule:"identifier,required"`
	Reason string `json:"reason,omitzero"`
}

// Delegation is the data that most delegation events share.
type Delegation struct {
	CaseID  string `json:"case_id" rule:"identifier,required"`
	AgentID string `json:"agent_id" rule:"identifier,required"`
}

// DelegationRequested is a consumer's request to an agent.
type DelegationRequested struct{ Delegation }

// DelegationAccepted is an agent's acceptance of a request.
type DelegationAccepted struct{ Delegation }

// DelegationDeclined records that an agent declined a request.
type DelegationDeclined struct {
	Delegation
	Reason string `json:"reason,omitzero"`
}

// DelegationWithdrawn records that a consumer withdrew a request.
type DelegationWithdrawn struct {
	Delegation
	Reason string `json:"reason,omitzero"`
}

// DelegationCreated delegates a case to an agent without a request.
type DelegationCreated struct {
	Delegation
	Via string `json:"via,omitzero" rule:"one" values:"agent_application service_center conversion"`
}

// DelegationMarkedInactive takes a consumer off the agent's Active Consumers
// list. The case stays delegated to the agent.
type DelegationMarkedInactive struct{ Delegation }

// DelegationReactivated makes an inactive delegation active again.
type DelegationReactivated struct{ Delegation }

// DelegationTransferred moves a case from one agent to another.
type DelegationTransferred struct {
	CaseID      string `json:"case_id" rule:"identifier,required"`
	FromAgentID string `json:"from_agent_id" rule:"identifier,required"`
	ToAgentID   string `json:"to_agent_id" rule:"identifier,required"`
	BatchID     string `json:"batch_id,omitzero"`
}

// DelegationEnded ends an agent's delegation.
type DelegationEnded struct {
	Delegation
	Reason string `json:"reason,omitzero" rule:"one" values:"consumer service_center decertified other"`
}

// AgencyRegistered is an agency's registration.
type AgencyRegistered struct {
	AgencyID string `json:"agency_id" rule:"identifier,required"`
	Name     string `json:"name,omitzero" rule:"name"`
}

// AgentCertified certifies an agent as a member of an agency.
type AgentCertified struct {
	AgentID       string `json:"agent_id" rule:"identifier,required"`
	AgencyID      string `json:"agency_id" rule:"identifier,required"`
	FirstName     string `json:"first_name,omitzero" rule:"name"`
	LastName      string `json:"last_name,omitzero" rule:"name"`
	LicenseNumber string `json:"license_number,omitzero"`
	Email         string `json:"email,omitzero"`
}

// AgentMoved moves an agent to another agency.
type AgentMoved struct {
	AgentID  string `json:"agent_id" rule:"identifier,required"`
	AgencyID string `json:"agency_id" rule:"identifier,required"`
}

// AgentDecertified ends an agent's certification.
type AgentDecertified struct {
	AgentID string `json:"agent_id" rule:"identifier,required"`
	Reason  string `json:"reason,omitzero"`
}

// Staff is a person's role in an agency.
type Staff struct {
	PersonID string `json:"person_id" rule:"identifier,required"`
	AgencyID string `json:"agency_id" rule:"identifier,required"`
	Role     string `json:"role" rule:"one,required" values:"manager admin_l1 admin_l2"`
	Name     string `json:"name,omitzero" rule:"name"`
	Email    string `json:"email,omitzero"`
}

// StaffAssigned assigns a person a role in an agency. It replaces any other
// role that the person has there.
type StaffAssigned struct{ Staff }

// StaffRemoved ends a person's role in an agency, whatever role that is.
type StaffRemoved struct{ Staff }

// Genesis is the data of a ledger's first record. It fixes the settings that a
// replay needs.
type Genesis struct {
	LedgerID string       `json:"ledger_id" rule:"identifier,required"`
	Calendar CalendarSpec `json:"calendar" rule:"required"`
	Rules    int          `json:"rules" rule:"rules,required"`
	SealKey  string       `json:"seal_key" rule:"required"`
}

// CalendarSpec describes the calendar of a ledger's cutoffs: the time zone, the
// weekday in English, the time of day as HH:MM:SS, and the SHA-256 of the zone
// file in hex.
type CalendarSpec struct {
	Zone       string `json:"zone" rule:"required"`
	Weekday    string `json:"weekday" rule:"one,required" values:"Sunday Monday Tuesday Wednesday Thursday Friday Saturday"`
	Time       string `json:"time" rule:"clock,required"`
	ZoneSHA256 string `json:"zone_sha256" rule:"hash,required"`
}

// Clock records that the cutoff of a Friday has passed.
type Clock struct {
	Friday Date `json:"friday" rule:"required"`
}

// HistoryClosed ends the history load.
type HistoryClosed struct {
	Reason string `json:"reason,omitzero"`
}

// Rules sets the version of the rules that apply from this record on.
type Rules struct {
	Rules int `json:"rules" rule:"rules,required"`
}

// Sealed is the seal of a Friday. It is a pure function of the journal up to
// the boundary. Roots are SHA-256 hashes in hex.
type Sealed struct {
	Friday   Date   `json:"friday" rule:"required"`
	Boundary int    `json:"boundary" rule:"count,required"`
	TreeSize int    `json:"tree_size" rule:"count,required"`
	BookRoot string `json:"book_root" rule:"hash,required"`
	TreeRoot string `json:"tree_root" rule:"hash,required"`
	Cases    int    `json:"cases" rule:"count,required"`
	Rows     int    `json:"rows" rule:"count,required"`
	Rules    int    `json:"rules" rule:"rules,required"`
}

// SealSigned is the signature of a seal. The note is a signed tree head of the
// journal, and that tree includes the record of the seal.
type SealSigned struct {
	Friday Date   `json:"friday" rule:"required"`
	Note   string `json:"note" rule:"note,required"`
}

// SealKeyChanged names the key that signs seals from this record on. The note
// is signed with the previous key.
type SealKeyChanged struct {
	Note string `json:"note" rule:"note,required"`
}

// Export is one step of an export in the export trail: the person, the role,
// the book and the result. It never contains consumer data.
type Export struct {
	ExportID        string `json:"export_id,omitzero" doc:"Identifies the export. All steps of an export have the same id."`
	PersonID        string `json:"person_id,omitzero" doc:"The person who requested the export."`
	Role            string `json:"role" rule:"required" doc:"The role in which the person acted, or none."`
	AgentID         string `json:"agent_id,omitzero" format:"Identifier" doc:"The owner of the book, if it is an agent."`
	AgencyID        string `json:"agency_id,omitzero" format:"Identifier" doc:"The owner of the book, if it is an agency."`
	Friday          Date   `json:"friday" rule:"required" format:"Date" doc:"The Friday of the book."`
	Disclaimer      string `json:"disclaimer,omitzero" doc:"The version of the disclaimer that the person answered."`
	Accepted        Flag   `json:"accepted,omitzero" doc:"Whether the person accepted the disclaimer."`
	Rows            int    `json:"rows,omitzero" rule:"count" format:"Count" doc:"The number of rows in the book."`
	SHA256          string `json:"sha256,omitzero" rule:"hash" format:"Hash" doc:"The SHA-256 of the workbook."`
	ExporterVersion string `json:"exporter_version,omitzero" doc:"The version of the exporter."`
	Address         string `json:"address,omitzero" doc:"The network address from which the request came."`
}

// ExportRequested, ExportDeclined, ExportDenied and ExportMade are the steps
// of an export.
type (
	ExportRequested struct{ Export }
	ExportDeclined  struct{ Export }
	ExportDenied    struct{ Export }
	ExportMade      struct{ Export }
)

func (*HouseholdRecorded) data()     {}
func (*ApplicationRecorded) data()   {}
func (*Member) data()                {}
func (*EligibilityDetermined) data() {}
func (*EnrollmentRecorded) data()    {}
func (*CaseClosed) data()            {}
func (*Delegation) data()            {}
func (*DelegationTransferred) data() {}
func (*AgencyRegistered) data()      {}
func (*AgentCertified) data()        {}
func (*AgentMoved) data()            {}
func (*AgentDecertified) data()      {}
func (*Staff) data()                 {}
func (*Genesis) data()               {}
func (*Clock) data()                 {}
func (*HistoryClosed) data()         {}
func (*Rules) data()                 {}
func (*Sealed) data()                {}
func (*SealSigned) data()            {}
func (*SealKeyChanged) data()        {}
func (*Export) data()                {}

// CaseData is the data of an event about one case.
type CaseData interface {
	Data
	// Case returns the case's id.
	Case() string
}

// Case returns the case's id.
func (d *HouseholdRecorded) Case() string     { return d.CaseID }
func (d *ApplicationRecorded) Case() string   { return d.CaseID }
func (d *Member) Case() string                { return d.CaseID }
func (d *EligibilityDetermined) Case() string { return d.CaseID }
func (d *EnrollmentRecorded) Case() string    { return d.CaseID }
func (d *CaseClosed) Case() string            { return d.CaseID }
func (d *Delegation) Case() string            { return d.CaseID }
func (d *DelegationTransferred) Case() string { return d.CaseID }

// Agent returns the id of the delegation's agent.
func (d *Delegation) Agent() string { return d.AgentID }
