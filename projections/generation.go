package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"

	"bookledger/events/record/merkle"
	"bookledger/projections/active"
	"bookledger/projections/fold"
	"bookledger/projections/internal/store"
)

// A generation is one store, in the folder store-<n> inside the projection's
// folder. The file CURRENT names the serving store. Another store is either being
// built or left over from a crash.
type generation struct {
	number    int
	store     *store.Store
	lists     active.Lists
	processor atomic.Pointer[cachedProcessor] // the processor of the newest view
	uses      int                             // open views, plus one until the store is replaced; guarded by Projection.mu
}

const currentFile = "CURRENT"

var versionsKey = store.Meta("versions")

// versions are the versions with which a store was built. A store whose versions
// differ from this release's is rebuilt.
type versions struct {
	Format    int // version of the key layout
	Codec     int // version of the value encoding
	Projector int
}

func currentVersions(projector int) versions {
	return versions{Format: store.Format, Codec: fold.CodecVersion, Projector: projector}
}

// Exists reports whether the folder dir on disk contains a projection.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, currentFile))
	return err == nil
}

func (p *Projection) path(n int) string {
	return p.fs.PathJoin(p.dir, "store-"+strconv.Itoa(n))
}

// openGenerations opens the serving store. If there is none, or if it was built
// with other versions, openGenerations begins a new store.
func (p *Projection) openGenerations() error {
	if err := p.fs.MkdirAll(p.dir, 0o700); err != nil {
		return fmt.Errorf("creating the projection folder: %w", err)
	}
	current, err := p.readCurrent()
	if err != nil {
		return err
	}
	if err := p.removeStale(current); err != nil {
		return err
	}
	if current == 0 {
		if p.serving, err = p.openOrCreate(1); err != nil {
			return err
		}
		return p.writeCurrent(1)
	}
	g, built, err := p.openGeneration(current)
	if err != nil {
		return err
	}
	if built == p.versions {
		p.serving = g
		return p.loadPosition()
	}
	p.log.Info("rebuilding the projection, which another version has built",
		zap.Int("format", built.Format), zap.Int("projector", built.Projector))
	if built.Format == p.versions.Format && built.Codec == p.versions.Codec {
		p.serving = g // this release can read it, so it serves during the rebuild
		if err := p.loadPosition(); err != nil {
			return err
		}
	} else if err := g.store.Close(); err != nil {
		return err
	}
	return p.beginBuilding(current + 1)
}

// loadPosition reads the serving store's position.
func (p *Projection) loadPosition() error {
	processor, err := readProcessor(p.serving.store.Reader())
	if err != nil {
		return err
	}
	p.position = processor.Position
	return nil
}

// openGeneration opens store n and returns the versions with which it was built.
func (p *Projection) openGeneration(n int) (*generation, versions, error) {
	s, err := store.Open(p.path(n), store.Options{FS: p.fs, Log: p.log})
	if err != nil {
		return nil, versions{}, err
	}
	var built versions
	b, _, err := s.Reader().Get(versionsKey)
	if err == nil && b != nil {
		err = json.Unmarshal(b, &built)
	}
	if err != nil {
		return nil, versions{}, errors.Join(fmt.Errorf("reading the versions of %s: %w", p.path(n), err), s.Close())
	}
	return &generation{number: n, store: s, uses: 1}, built, nil
}

// openOrCreate opens store n. It keeps what an earlier run of this version built.
func (p *Projection) openOrCreate(n int) (*generation, error) {
	g, built, err := p.openGeneration(n)
	if err != nil || built == p.versions {
		return g, err
	}
	if built != (versions{}) {
		if err := g.store.Close(); err != nil {
			return nil, err
		}
		if err := p.fs.RemoveAll(p.path(n)); err != nil {
			return nil, fmt.Errorf("removing an unfinished store: %w", err)
		}
		if g, _, err = p.openGeneration(n); err != nil {
			return nil, err
		}
	}
	b, err := json.Marshal(p.versions)
	if err != nil {
		return nil, err
	}
	// The versions must be durable before CURRENT can name the store. Otherwise a
	// crash could leave a store of unknown versions.
	batch := g.store.NewBatch()
	if err := errors.Join(batch.SetUnversioned(versionsKey, b), batch.Commit(), g.store.Flush()); err != nil {
		return nil, errors.Join(err, g.store.Close())
	}
	return g, nil
}

// beginBuilding starts building store n while the current one serves.
func (p *Projection) beginBuilding(n int) error {
	g, err := p.openOrCreate(n)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.building = g
	return nil
}

// release ends one use of a store. When no use is left, it closes and removes the
// store.
func (p *Projection) release(g *generation) error {
	p.mu.Lock()
	g.uses--
	used := g.uses > 0
	p.mu.Unlock()
	if used {
		return nil
	}
	return p.remove(g)
}

func (p *Projection) remove(g *generation) error {
	if err := g.store.Close(); err != nil {
		return fmt.Errorf("closing a replaced store: %w", err)
	}
	if err := p.fs.RemoveAll(p.path(g.number)); err != nil {
		return fmt.Errorf("removing a replaced store: %w", err)
	}
	return nil
}

// rebuild applies the journal's current records to the store under construction
// and then makes it the serving store.
func (p *Projection) rebuild(ctx context.Context, journal Journal) error {
	if err := p.advance(ctx, journal, p.building, false); err != nil {
		return fmt.Errorf("building the projection: %w", err)
	}
	if err := p.compareTrees(); err != nil {
		return errors.Join(err, p.restartBuild())
	}
	// The store must be durable before CURRENT names it. After a crash before
	// CURRENT is replaced, the old store serves and the build is resumed.
	if err := p.building.store.Flush(); err != nil {
		return err
	}
	if err := p.writeCurrent(p.building.number); err != nil {
		return err
	}
	p.mu.Lock()
	old := p.serving
	p.serving, p.building = p.building, nil
	p.mu.Unlock()
	processor, err := readProcessor(p.serving.store.Reader())
	if err != nil {
		return err
	}
	p.setPosition(p.serving, processor.Position, nil)
	if old == nil {
		return p.removeStale(p.serving.number) // the old store, which this release cannot read
	}
	return p.release(old)
}

// restartBuild replaces the store under construction with an empty one, after a
// build from a journal that must be repaired first.
func (p *Projection) restartBuild() error {
	p.mu.Lock()
	wrong := p.building
	p.building = nil
	p.mu.Unlock()
	if err := p.remove(wrong); err != nil {
		return err
	}
	return p.beginBuilding(wrong.number)
}

// compareTrees compares the tree of the new store with that of the store that it
// replaces. If the journal was changed in between, a rebuild must not hide that. If
// the old tree cannot be read, compareTrees logs an error and returns nil.
func (p *Projection) compareTrees() error {
	if p.serving == nil {
		return nil // this release cannot read the old store
	}
	old, err := readProcessor(p.serving.store.Reader())
	if err != nil {
		return err
	}
	before, err := merkle.NewTree(tiles{p.serving.store.Reader(), old.Position}).TreeRoot(old.Position)
	if err != nil {
		p.log.Error("cannot read the tree of the old store, so the rebuilt store is not compared with it", zap.Error(err))
		return nil
	}
	after, err := merkle.NewTree(tiles{p.building.store.Reader(), old.Position}).TreeRoot(old.Position)
	if err != nil || after == before {
		return err
	}
	return fmt.Errorf("%w: one of the first %d records differs", ErrForked, old.Position)
}

// readCurrent returns the number of the serving store, or 0 if there is none.
func (p *Projection) readCurrent() (int, error) {
	name := p.fs.PathJoin(p.dir, currentFile)
	f, err := p.fs.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("opening %s: %w", name, err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", name, err)
	}
	n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(string(b)), "store-"))
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s does not name a store: delete the projection folder to rebuild it", name)
	}
	return n, nil
}

// writeCurrent replaces the file CURRENT atomically.
func (p *Projection) writeCurrent(n int) error {
	name := p.fs.PathJoin(p.dir, currentFile)
	f, err := p.fs.Create(name+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	_, err = fmt.Fprintf(f, "store-%d\n", n)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if err := p.fs.Rename(name+".new", name); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	d, err := p.fs.OpenDir(p.dir)
	if err != nil {
		return fmt.Errorf("opening the projection folder: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// removeStale removes stores that a crash has left over. It keeps the serving store
// and its successor, whose build can be resumed.
func (p *Projection) removeStale(current int) error {
	names, err := p.fs.List(p.dir)
	if err != nil {
		return fmt.Errorf("listing the projection folder: %w", err)
	}
	for _, name := range names {
		n, err := strconv.Atoi(strings.TrimPrefix(name, "store-"))
		if !strings.HasPrefix(name, "store-") || err != nil || n == current || n == current+1 {
			continue
		}
		if err := p.fs.RemoveAll(p.fs.PathJoin(p.dir, name)); err != nil {
			return fmt.Errorf("removing an unused store: %w", err)
		}
	}
	return nil
}
