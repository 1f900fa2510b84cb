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

// A generation is one store, in a folder store-<n> of the projection's. The
// file CURRENT names the one that serves; another one is being built, or was
// left by a crash.
type generation struct {
	number    int
	store     *store.Store
	lists     active.Lists
	processor atomic.Pointer[cachedProcessor] // by the newest view
	uses      int                             // by open views, and one more until it has served; under the projection's lock
}

const currentFile = "CURRENT"

var versionsKey = store.Meta("versions")

// versions say by what a store was made; where they differ it is built anew.
type versions struct {
	Format    int // of the keys
	Codec     int // of the values
	Projector int
}

func currentVersions(projector int) versions {
	return versions{Format: store.Format, Codec: fold.CodecVersion, Projector: projector}
}

// Exists tells whether a folder on the disk holds a projection.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, currentFile))
	return err == nil
}

func (p *Projection) path(n int) string {
	return p.fs.PathJoin(p.dir, "store-"+strconv.Itoa(n))
}

// openGenerations opens the store that serves and, where that was made by
// another version or there is none, begins a new one.
func (p *Projection) openGenerations() error {
	if err := p.fs.MkdirAll(p.dir, 0o700); err != nil {
		return fmt.Errorf("making the projection's folder: %w", err)
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
	g, made, err := p.openGeneration(current)
	if err != nil {
		return err
	}
	if made == p.versions {
		p.serving = g
		return p.loadPosition()
	}
	p.log.Info("the projection was made by another version and is built anew",
		zap.Int("format", made.Format), zap.Int("projector", made.Projector))
	if made.Format == p.versions.Format && made.Codec == p.versions.Codec {
		p.serving = g // its keys can be read, so it serves meanwhile
		if err := p.loadPosition(); err != nil {
			return err
		}
	} else if err := g.store.Close(); err != nil {
		return err
	}
	return p.beginBuilding(current + 1)
}

// loadPosition reads the serving store's position when the projection opens.
func (p *Projection) loadPosition() error {
	processor, err := readProcessor(p.serving.store.Reader())
	if err != nil {
		return err
	}
	p.position = processor.Position
	return nil
}

func (p *Projection) openGeneration(n int) (*generation, versions, error) {
	s, err := store.Open(p.path(n), store.Options{FS: p.fs, Log: p.log})
	if err != nil {
		return nil, versions{}, err
	}
	var made versions
	b, _, err := s.Reader().Get(versionsKey)
	if err == nil && b != nil {
		err = json.Unmarshal(b, &made)
	}
	if err != nil {
		return nil, versions{}, errors.Join(fmt.Errorf("reading the versions of %s: %w", p.path(n), err), s.Close())
	}
	return &generation{number: n, store: s, uses: 1}, made, nil
}

// begin opens store n, empty or as an earlier run of this version left it.
func (p *Projection) openOrCreate(n int) (*generation, error) {
	g, made, err := p.openGeneration(n)
	if err != nil || made == p.versions {
		return g, err
	}
	if made != (versions{}) {
		if err := g.store.Close(); err != nil {
			return nil, err
		}
		if err := p.fs.RemoveAll(p.path(n)); err != nil {
			return nil, fmt.Errorf("removing a store that was never finished: %w", err)
		}
		if g, _, err = p.openGeneration(n); err != nil {
			return nil, err
		}
	}
	b, err := json.Marshal(p.versions)
	if err != nil {
		return nil, err
	}
	// Durable before CURRENT can name it, or a crash would leave a store that
	// does not say by what it was made.
	batch := g.store.NewBatch()
	if err := errors.Join(batch.SetUnversioned(versionsKey, b), batch.Commit(), g.store.Flush()); err != nil {
		return nil, errors.Join(err, g.store.Close())
	}
	return g, nil
}

// beginBuilding makes store n the one that is built beside the serving one.
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

// release ends one use of a store. With the last one, the store is closed and
// removed.
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
		return fmt.Errorf("closing a store that no longer serves: %w", err)
	}
	if err := p.fs.RemoveAll(p.path(g.number)); err != nil {
		return fmt.Errorf("removing a store that no longer serves: %w", err)
	}
	return nil
}

// rebuild brings the store that is being built to where the journal ends now,
// and lets it serve.
func (p *Projection) rebuild(ctx context.Context, journal Journal) error {
	if err := p.advance(ctx, journal, p.building, false); err != nil {
		return fmt.Errorf("building the projection: %w", err)
	}
	if err := p.compareTrees(); err != nil {
		return errors.Join(err, p.restartBuild())
	}
	// Durable before CURRENT names it: a crash before the pointer is replaced
	// goes on serving the old one, and builds again.
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
		return p.removeStale(p.serving.number) // the one whose keys this release cannot read
	}
	return p.release(old)
}

// buildAnew puts an empty store in the place of the one that was built, from a
// journal that is to be put right first.
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

// sameTree compares the tree of the store that was built with that of the one
// that it replaces: a journal that was changed meanwhile is not to be papered
// over by building from it. A tree that cannot be read is told and replaced.
func (p *Projection) compareTrees() error {
	if p.serving == nil {
		return nil // of another form, which this release cannot read
	}
	old, err := readProcessor(p.serving.store.Reader())
	if err != nil {
		return err
	}
	before, err := merkle.NewTree(tiles{p.serving.store.Reader(), old.Position}).TreeRoot(old.Position)
	if err != nil {
		p.log.Error("the tree of the store that is replaced cannot be read, so that what was built is not compared with it", zap.Error(err))
		return nil
	}
	after, err := merkle.NewTree(tiles{p.building.store.Reader(), old.Position}).TreeRoot(old.Position)
	if err != nil || after == before {
		return err
	}
	return fmt.Errorf("%w: one of the first %d records differs", ErrForked, old.Position)
}

// readCurrent returns the number of the store that serves, 0 where there is
// none.
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
		return 0, fmt.Errorf("%s does not name a store; remove the projection's folder to have it built anew", name)
	}
	return n, nil
}

// writeCurrent replaces the pointer file in one step.
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
		return fmt.Errorf("opening the projection's folder: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// removeOthers removes stores that a crash left; the one after the serving
// one may be half-built, and is gone on with.
func (p *Projection) removeStale(current int) error {
	names, err := p.fs.List(p.dir)
	if err != nil {
		return fmt.Errorf("listing the projection's folder: %w", err)
	}
	for _, name := range names {
		n, err := strconv.Atoi(strings.TrimPrefix(name, "store-"))
		if !strings.HasPrefix(name, "store-") || err != nil || n == current || n == current+1 {
			continue
		}
		if err := p.fs.RemoveAll(p.fs.PathJoin(p.dir, name)); err != nil {
			return fmt.Errorf("removing a store that no longer serves: %w", err)
		}
	}
	return nil
}
