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

// AgentRoot summarizes an agent's book. It is a leaf of the tree over all
// agents.
type AgentRoot struct {
	Agent string      `json:"agent"`
	Cases uint64      `json:"cases"`
	Rows  uint64      `json:"rows"`
	Root  merkle.Hash `json:"root"` // root of the tree of the book's rows
}

func (a AgentRoot) key() merkle.Hash {
	return sha256.Sum256(append([]byte("bookledger agent\x00"), a.Agent...))
}

// Hash returns the RFC 6962 hash of the agent's leaf: the key, the two counts
// as 8 bytes each, big-endian, and the root of the rows.
func (a AgentRoot) Hash() merkle.Hash {
	key := a.key()
	b := binary.BigEndian.AppendUint64(key[:], a.Cases)
	b = binary.BigEndian.AppendUint64(b, a.Rows)
	return tlog.RecordHash(append(b, a.Root[:]...))
}

// AgentTree is the Merkle tree over the books of all agents. Its root is the
// book root of a Friday.
type AgentTree struct{ tree[AgentRoot] }

// Counts returns the numbers of cases and rows of all agents together.
func (a *AgentTree) Counts() (cases, rows uint64) {
	for _, one := range a.leaves {
		cases, rows = cases+one.Cases, rows+one.Rows
	}
	return cases, rows
}

// AgentProof proves that an agent's book is in the tree over all agents. Index
// counts from 0. Evidence contains the proof as JSON.
type AgentProof struct {
	AgentRoot
	Index  uint64           `json:"index"`
	Agents uint64           `json:"agents"` // number of leaves of the tree
	Path   tlog.RecordProof `json:"path"`
}

// Prove returns the proof of an agent's book, and false if the tree has no such
// agent.
func (a *AgentTree) Prove(agent string) (AgentProof, bool) {
	i, found := a.Find(AgentRoot{Agent: agent}.key())
	if !found {
		return AgentProof{}, false
	}
	path, err := a.path(i)
	return AgentProof{a.leaves[i], i, a.Size(), path}, err == nil
}

// Check verifies the proof against a book root.
func (p AgentProof) Check(root merkle.Hash) error {
	return checkInclusion("agent", p.AgentRoot, p.Index, p.Path, p.Agents, root)
}

// NewAgentTree returns the tree over the books of all agents that are known in
// s, the state at the cutoff of week f. It uses that many workers, which read s
// concurrently.
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
		return nil, fmt.Errorf("computing the roots of the books of Friday %s: %w", f.Friday, err)
	}
	return &AgentTree{newTree(all)}, nil
}
