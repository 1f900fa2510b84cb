package merkle

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// TileHeight is how many levels of the tree a tile stands for, and TileWidth how many
// hashes a full one holds.
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
)

// fullBytes is the size of a full tile.
const fullBytes = TileWidth * tlog.HashSize

// Hash is the SHA-256 hash of a leaf, an inner node or a root.
type Hash = tlog.Hash

// Tile names a tile: its hashes are those of level Level*Height of the tree,
// the first of them the one with number Number*Width. Level 0 is of leaves.
type Tile struct {
	Level  int
	Number uint64
}

// String names the tile for messages.
func (t Tile) String() string { return fmt.Sprintf("tile %d of level %d", t.Number, t.Level) }

// Parent returns the tile that holds the root of a full tile, and at which
// place.
func (t Tile) Parent() (parent Tile, at int) {
	return Tile{t.Level + 1, t.Number / TileWidth}, int(t.Number % TileWidth)
}

// HashAt returns one of a tile's hashes.
func HashAt(hashes []byte, at int) Hash { return Hash(hashes[at*tlog.HashSize:][:tlog.HashSize]) }

// TileRoot returns the root of a full tile.
func TileRoot(hashes []byte) Hash {
	var row [TileWidth / 2]Hash
	for i := range row {
		row[i] = tlog.NodeHash(HashAt(hashes, 2*i), HashAt(hashes, 2*i+1))
	}
	for n := len(row) / 2; n > 0; n /= 2 {
		for i := range n {
			row[i] = tlog.NodeHash(row[2*i], row[2*i+1])
		}
	}
	return row[0]
}
