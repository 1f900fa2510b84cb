package access

// Person is somebody who has signed in, as the issuer names them. What they
// may see and do comes from the ledger.
type Person struct {
	ID       string // an identifier of the contracts
	AgentID  string // the agent that they are; "" where none
	Name     string // for display alone
	Auditor  bool
	Operator bool
}
