package synthetic

// The texts of a case's current status, as the exchange shows them.
const (
	statusNotStarted = "Application Not Started"
	statusInProgress = "Application In Progress"
	statusSubmitted  = "Application Submitted"
	statusDetermined = "Eligibility Determined"
	statusIneligible = "Ineligible"
	statusPlan       = "Plan Selection Pending"
	statusEnrolled   = "Enrolled"
	statusTerminated = "Enrollment Terminated"
	statusCancelled  = "Enrollment Cancelled"
)

// nextSteps are what a household is asked to do at each stage; the empty text
// is nothing.
var nextSteps = [...][]string{
	stageNotStarted: {""},
	stageInProgress: {"Complete and submit the application", "Sign and submit the application"},
	stageSubmitted:  {"Await eligibility determination", "Submit income verification", "Submit proof of citizenship or lawful presence"},
	stageDetermined: {"Select a plan", "Shop and compare plans"},
	stagePlan:       {"Confirm plan selection", "Pay the binder payment"},
	stageEnrolled:   {"", "", "", "", "Report changes within 30 days", "Set up automatic payments"},
	stageEnded:      {"Apply again at open enrollment", "Report a qualifying life event", ""},
}

const (
	stepVerify     = "Submit income verification"
	stepCounty     = "County will contact the household"
	stepRenewal    = "Review the renewal notice"
	stepIneligible = "Review the notice of eligibility"
)

var (
	declineReasons  = []string{"Not taking new clients", "Outside of service area", "Language not spoken", "Could not reach the consumer"}
	withdrawReasons = []string{"Found another agent", "Requested by mistake", "No longer needs help", ""}
	closeReasons    = []string{"Moved out of state", "Consumer request", "Duplicate case", "Deceased", "Obtained other coverage"}
	binderOpen      = []string{"Pending", "Pending", "Overdue"}
)
