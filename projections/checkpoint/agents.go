package checkpoint

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"bookledger/events"
	"bookledger/events/record/merkle"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// AgentRoot is the book of an agent as it stands in the tree over all agents.
type AgentRoot struct {
	Agent string      `json:"agent"`
	Cases uint64      `json:"cases"`
	Rows  uint64      `json:"rows"`
	Root  merkle.Hash `json:"root"` // of the rows
}

func (a AgentRoot) place() merkle.Hash {
	return sha256.Sum256(append([]byte("bookledger agent\x00"), a.Agent...))
}

// Hash returns the RFC 6962 hash of the agent's leaf: of its place, its counts
// in 8 bytes each, big-endian, and the root of its rows.
func (a AgentRoot) Hash() merkle.Hash {
	place := a.place()
	b := binary.BigEndian.AppendUint64(place[:], a.Cases)
	b = binary.BigEndian.AppendUint64(b, a.Rows)
	return tlog.RecordHash(append(b, a.Root[:]...))
}

// AgentTree is the tree over the books of agents.
type AgentTree struct{ tree[AgentRoot] }

// Counts returns the cases and rows of all agents together.
func (a *AgentTree) Counts() (cases, rows uint64) {
	for _, one := range a.leaves {
		cases, rows = cases+one.Cases, rows+one.Rows
	}
	return cases, rows
}

// AgentProof is an agent's book, where it stands in the tree over agents, from
// 0 on, and its path to the book root. Evidence holds it as JSON.
type AgentProof struct {
	AgentRoot
	Index  uint64           `json:"index"`
	Agents uint64           `json:"agents"` // in the tree
	Path   tlog.RecordProof `json:"path"`
}

// Prove returns where an agent's book stands; false where nobody knew the
// agent.
func (a *AgentTree) Prove(agent string) (AgentProof, bool) {
	i, found := a.Find(AgentRoot{Agent: agent}.place())
	if !found {
		return AgentProof{}, false
	}
	path, err := a.path(i)
	return AgentProof{a.leaves[i], i, a.Size(), path}, err == nil
}

// Check checks that the agent's book stands at its place under a book root.
func (p AgentProof) Check(root merkle.Hash) error {
	return check("agent", p.AgentRoot, p.Index, p.Path, p.Agents, root)
}

// NewAgentTree makes the tree over the books of all agents known at a Friday's
// cutoff, of which s is the state; s is read by several goroutines at once.
func NewAgentTree(ctx context.Context, s book.State, calendar *events.Calendar, f book.Week, workers int) (*AgentTree, error) {
	group, ctx := errgroup.WithContext(ctx)
	ids := make(chan string)
	group.Go(func() error {
		defer close(ids)
		return s.EachAgent(func(id string, _ *fold.Agent) error {
			select {
			case ids <- id:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	var mu sync.Mutex
	var all []AgentRoot
	for range workers {
		group.Go(func() error {
			for id := range ids {
				b, err := book.ForAgent(ctx, s, calendar, f, id)
				if err != nil {
					return err
				}
				_, cases := b.Counts()
				root := AgentRoot{Agent: id, Cases: uint64(cases), Rows: uint64(len(b.Rows)), Root: NewRowTree(b.Rows).Root()}
				mu.Lock()
				all = append(all, root)
				mu.Unlock()
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("making the roots of the books of Friday %s: %w", f.Friday, err)
	}
	return &AgentTree{newTree(all)}, nil
}
