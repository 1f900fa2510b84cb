package checkpoint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
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
	Agent string
	Cases uint64
	Rows  uint64
	Root  merkle.Hash // of the rows
}

// Key returns the place of the agent in the order of the tree.
func (a AgentRoot) Key() merkle.Hash { return AgentKey(a.Agent) }

// AgentKey returns the place of an agent in the order of the tree over agents.
func AgentKey(agent string) merkle.Hash {
	return sha256.Sum256(append([]byte("bookledger agent\x00"), agent...))
}

// Hash returns the RFC 6962 hash of the agent's leaf: of its key, its counts
// in 8 bytes each, big-endian, and the root of its rows.
func (a AgentRoot) Hash() merkle.Hash {
	key := a.Key()
	b := binary.BigEndian.AppendUint64(key[:], a.Cases)
	b = binary.BigEndian.AppendUint64(b, a.Rows)
	return tlog.RecordHash(append(b, a.Root[:]...))
}

// Agents is the tree over the books of agents.
type Agents struct {
	all  []AgentRoot // in the order of the tree
	tree *merkle.Memory
}

// NewAgents makes the tree over agents, each of which is named once.
func NewAgents(all []AgentRoot) *Agents {
	a := &Agents{all: slices.Clone(all), tree: merkle.NewMemory()}
	slices.SortFunc(a.all, func(x, y AgentRoot) int {
		kx, ky := x.Key(), y.Key()
		return bytes.Compare(kx[:], ky[:])
	})
	for _, one := range a.all {
		_ = a.tree.Append(one.Hash()) // a tree in memory takes every leaf
	}
	return a
}

// Root returns the root over agents.
func (a *Agents) Root() merkle.Hash {
	root, _ := merkle.Root(a.tree.Size(), a.tree) // a tree in memory is whole
	return root
}

// Size is how many agents there are.
func (a *Agents) Size() uint64 { return a.tree.Size() }

// Counts returns the cases and rows of all agents together.
func (a *Agents) Counts() (cases, rows uint64) {
	for _, one := range a.all {
		cases, rows = cases+one.Cases, rows+one.Rows
	}
	return cases, rows
}

// AgentPlace is an agent's book, where it stands in the tree over agents, from
// 0 on, and its path to the root.
type AgentPlace struct {
	Index uint64
	Agent AgentRoot
	Path  tlog.RecordProof
}

// Place returns where an agent's book stands; false where nobody knew the
// agent.
func (a *Agents) Place(agent string) (AgentPlace, bool) {
	key := AgentKey(agent)
	i := sort.Search(len(a.all), func(i int) bool {
		k := a.all[i].Key()
		return bytes.Compare(k[:], key[:]) >= 0
	})
	if i == len(a.all) || a.all[i].Agent != agent {
		return AgentPlace{}, false
	}
	path, err := merkle.Inclusion(uint64(i)+1, a.tree.Size(), a.tree)
	return AgentPlace{uint64(i), a.all[i], path}, err == nil
}

// Check checks that the agent's book stands at its place among size agents
// with that root.
func (p AgentPlace) Check(size uint64, root merkle.Hash) error {
	if p.Index >= size {
		return fmt.Errorf("checking agent %d: there are only %d", p.Index+1, size)
	}
	if err := tlog.CheckRecord(p.Path, int64(size), root, int64(p.Index), p.Agent.Hash()); err != nil {
		return fmt.Errorf("checking that agent %d is among the %d agents: %w", p.Index+1, size, err)
	}
	return nil
}

func agentRoot(agent string, rows []book.Row) AgentRoot {
	a := AgentRoot{Agent: agent, Rows: uint64(len(rows)), Root: NewRows(rows).Root()}
	cases := map[string]struct{}{}
	for i := range rows {
		cases[rows[i].CaseID] = struct{}{}
	}
	a.Cases = uint64(len(cases))
	return a
}

// AgentsOf makes the tree over the books of all agents known at a Friday's
// cutoff, of which s is the state; s is read by several goroutines at once.
func AgentsOf(ctx context.Context, s book.State, calendar *events.Calendar, f book.Week, workers int) (*Agents, error) {
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
				root := agentRoot(id, b.Rows)
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
	return NewAgents(all), nil
}
