package events

import "strings"

// MaxMessage is the size of the largest message that the journal accepts, in
// bytes, including headers.
const MaxMessage = 1 << 20

// The subjects that only bookledger writes.
const (
	SubjectGenesis = "ledger.genesis"
	SubjectClock   = "ledger.clock"
	SubjectSeal    = "ledger.seal"
	SubjectExport  = "ledger.export"
	SubjectControl = "ledger.control"
)

// The sources that upstream systems may not use.
const (
	SourceLedger = "bookledger"
	SourcePortal = "portal"
)

const historyPrefix = "ledger.history."

// UpstreamSubjects returns the subjects on which upstream systems may publish,
// as wildcards. The last token is the publisher's source.
func UpstreamSubjects() []string {
	return []string{"ledger.consumer.*", "ledger.delegation.*", "ledger.agency.*", "ledger.history.*"}
}

// OwnSubjects returns the subjects that only bookledger writes.
func OwnSubjects() []string {
	return []string{SubjectGenesis, SubjectClock, SubjectSeal, SubjectExport, SubjectControl}
}

// HistorySubject returns the subject on which a source loads its history.
func HistorySubject(source string) string { return historyPrefix + source }

// IsHistory reports whether subject belongs to the history load.
func IsHistory(subject string) bool { return strings.HasPrefix(subject, historyPrefix) }

// IsUpstream reports whether subject is for live events of upstream systems or
// the portal: consumer, delegation or agency, but not history.
func IsUpstream(subject string) bool {
	family, source, ok := splitSubject(subject)
	return ok && source != "" && family != "history"
}

// splitSubject splits ledger.<family>.<source>. The source is "" for
// bookledger's own subjects.
func splitSubject(subject string) (family, source string, ok bool) {
	rest, ok := strings.CutPrefix(subject, "ledger.")
	if !ok {
		return "", "", false
	}
	family, source, _ = strings.Cut(rest, ".")
	return family, source, true
}

// ownTypes maps each of bookledger's own subjects to the types it carries.
var ownTypes = map[string][]string{
	SubjectGenesis: {TypeGenesis},
	SubjectClock:   {TypeClock},
	SubjectSeal:    {TypeSealed, TypeSealSigned, TypeSealKeyChanged},
	SubjectExport:  {TypeExportRequested, TypeExportDeclined, TypeExportDenied, TypeExportMade},
	SubjectControl: {TypeHistoryClosed, TypeRules},
}

// checkSubject returns a wrong_subject rejection if an event with this source
// and type must not be on subject.
func checkSubject(subject, source, eventType string) *Rejection {
	family, token, ok := splitSubject(subject)
	if !ok {
		return reject(WrongSubject, "type", "the subject is not one of the ledger's")
	}
	eventFamily, _, _ := strings.Cut(eventType, ".")
	if token == "" {
		return checkOwnSubject(subject, source, eventType)
	}
	switch family {
	case "consumer", "delegation", "agency":
		if eventFamily != family {
			return reject(WrongSubject, "type", "the subject carries only types that begin with "+family+".")
		}
	case "history":
		if eventFamily != "consumer" && eventFamily != "delegation" && eventFamily != "agency" {
			return reject(WrongSubject, "type", "history carries only consumer, delegation and agency events")
		}
	default:
		return reject(WrongSubject, "type", "the subject is not one of the ledger's")
	}
	if token != source {
		return reject(WrongSubject, "source", "source is not the last token of the subject")
	}
	if source == SourceLedger || source == SourcePortal && family != "delegation" {
		return reject(WrongSubject, "source", "source is reserved for bookledger")
	}
	return nil
}

func checkOwnSubject(subject, source, eventType string) *Rejection {
	for _, t := range ownTypes[subject] {
		if sameTypeName(t, eventType) {
			if source != SourceLedger {
				return reject(WrongSubject, "source", "only bookledger may write on this subject")
			}
			return nil
		}
	}
	return reject(WrongSubject, "type", "the subject does not carry this type")
}
