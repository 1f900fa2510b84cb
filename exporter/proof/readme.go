package proof

import (
	"fmt"
	"strings"

	"bookledger/events"
)

// readme returns the bundle's README: what the bundle is and how to check it.
// Verify compares the README in a bundle with this text. Changing the text
// therefore makes bundles of earlier releases fail, and needs a new format version.
func readme(m manifest, calendar *events.Calendar) []byte {
	var b strings.Builder
	title := fmt.Sprintf("Evidence: the Book of Business of agent %s as of Friday %s", m.Agent, m.Friday)
	if m.Kind == Row {
		title = fmt.Sprintf("Evidence: one row of the Book of Business of agent %s as of Friday %s", m.Agent, m.Friday)
	}
	fmt.Fprintf(&b, "%s\n%s\n\n", title, strings.Repeat("=", len(title)))
	fmt.Fprintf(&b, "Ledger: %s\nCutoff: %s\n\n", m.LedgerID, calendar.Cutoff(m.Friday).In(calendar.Zone()).Format("Monday, January 2, 2006, 15:04:05 MST"))
	b.WriteString(readmeAbout[m.Kind])
	b.WriteString(readmeCheck)
	b.WriteString(readmeProof[m.Kind])
	b.WriteString(readmeLimits)
	b.WriteString("\nThe files\n---------\n")
	for _, name := range append([]string{manifestFile}, m.Kind.files()...) {
		fmt.Fprintf(&b, "%-21s %s\n", name, readmeFiles[name])
	}
	b.WriteString(readmeFormats)
	return []byte(b.String())
}

var readmeAbout = map[Kind]string{
	Whole: `This folder holds a workbook and the whole record of the ledger, of which the
workbook was made. It holds personal data of everybody in the ledger: names,
contact details, dates of birth, parts of Social Security numbers, and facts
about people's health coverage. Give it to nobody who has no right and no need
to see all of it, keep it encrypted, and delete it when the audit is over.
`,
	Records: `This folder holds a workbook, and those records of the ledger that are about the
cases in it. It holds personal data of these consumers: names, contact details,
dates of birth, parts of Social Security numbers, and facts about people's
health coverage. Give it to nobody who has no right and no need to see it, keep
it encrypted, and delete it when the audit is over.
`,
	Row: `This folder shows that one row stands in the sealed book, or that it does not,
and nothing about any other consumer. Where the row stands there, row.json holds
personal data of its consumer. Give it to nobody who has no right and no need to
see it, keep it encrypted, and delete it when it has served its purpose.
`,
}

const readmeCheck = `
How to check it
---------------
    bookaudit verify FOLDER --key KEY

bookaudit is a small program that needs no network and no access to the ledger.
It ends with exit code 0 and says what it has checked and what that does not
prove; with 3 where something does not verify, and names the first difference;
with 1 where it cannot read the folder.

KEY is the ledger's public key, as key.txt has it. Do not take it from this
folder: whoever made up a ledger could have made up its key too. Get it in
another way, such as from a publication, from another auditor, or from a bundle
that you were given earlier by somebody else. A key that was replaced since
serves as well, if the newer one was handed over by it.

If you kept head.txt of an earlier bundle of this ledger, give it with --head:
then a ledger that tells different people different histories is found out.
`

var readmeProof = map[Kind]string{
	Whole: `
What it proves
--------------
- The workbook is what follows from the record, in every cell: bookaudit derives
  the book from the record anew, by the ledger's published rules.
- The record up to the signed head is the one that was sealed: nothing in it was
  changed, removed, inserted or put in another order since.
- It has grown from the record that was signed for the Friday before.
`,
	Records: `
What it proves
--------------
- Each record in records.ndjson was recorded, and is unchanged since.
- The rows of the workbook are those of the sealed book, no more and no less.
- The sealed record has grown from the one signed for the Friday before.
What it does not prove
- That no other record is about these cases, and that the ledger's rules were
  followed when rows were made of records. That takes a bundle with the whole
  record.
`,
	Row: `
What it proves
--------------
- The row in row.json, with these values, was in the sealed book; or where
  row.json says that it is absent, its place in the sealed book is empty.
- The sealed record has grown from the one signed for the Friday before.
What it does not prove
- How the row came about, and that the ledger's rules were followed. That takes
  a bundle with the whole record.
- Where the row is absent: that there is none of another member or year of the
  same case.
`,
}

const readmeLimits = `No bundle proves that what upstream systems told the ledger is true, or that
they told it everything.
`

var readmeFiles = map[string]string{
	manifestFile:      "what this bundle is, and the SHA-256 of each other file",
	readmeFile:        "this text",
	keyFile:           "the public key by which head.txt is signed",
	headFile:          "the signed head of the record, under which all else is proven",
	sealFile:          "the record of the Friday's seal",
	sealProofFile:     "the proof that the seal is under the head",
	boundaryProofFile: "the proof that the record at the cutoff is under the head",
	earlierHeadFile:   "the head signed for an earlier Friday, if there is one",
	earlierProofFile:  "the proof that it is under the head, if there is one",
	agentProofFile:    "where the agent's book stands under the seal's book root",
	workbookFile:      "the Book of Business",
	journalFile:       "the whole record, one record a line",
	recordsFile:       "records: genesis, changes of the key, those about the cases",
	pathsFile:         "the proof of each of them",
	rowsFile:          "the rows, each with the record that changed its case last",
	rowFile:           "the row and its proof",
}

const readmeFormats = `
Heads are checkpoints of C2SP tlog-checkpoint, signed notes with Ed25519 keys;
seal.tlog-proof is of C2SP tlog-proof; the texts *-to-head.txt have the form in
which C2SP tlog-witness takes consistency proofs. Hashes are SHA-256, those of
trees as in RFC 6962.
`
