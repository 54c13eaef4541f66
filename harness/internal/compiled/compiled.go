// Package compiled keeps the programs that XLA has compiled in files, so that the next process that needs one
// loads it instead of compiling for seconds. What a program computes is the same to the bit either way.
//
// A program is found by a hash of all that its machine code depends on: the program, the options it is compiled with,
// the plugin, XLA's flags, the processor and the number of its threads (see [Machine]).
package compiled

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/shirou/gopsutil/v4/cpu"

	"flowharness/harness/internal/files"
)

// active is the cache that this process compiles through, nil for none.
var active atomic.Pointer[Cache]

// Use makes this process load programs from a cache and keep there what it compiles. Nil: it compiles everything.
func Use(c *Cache) { active.Store(c) }

// Stats says what became of the programs that a process needed.
type Stats struct {
	Loaded   int // programs found in the cache
	Compiled int // programs compiled
}

// Counts returns what became of the programs of this process so far.
func Counts() Stats { return Stats{Loaded: int(loaded.Load()), Compiled: int(compiled.Load())} }

var loaded, compiled atomic.Int64

// Machine describes what the machine code of a program depends on beside the program and its options: the plugin, a
// file, the flags of XLA, the processor's kind and features, and how many threads XLA shares its work among.
func Machine(plugin string) (string, error) {
	digest, err := digest(plugin)
	if err != nil {
		return "", err
	}
	parts := []string{digest, os.Getenv("XLA_FLAGS"), runtime.GOOS, runtime.GOARCH}
	infos, err := cpu.Info()
	if err != nil {
		return "", err
	}
	for _, info := range infos[:min(1, len(infos))] {
		features := slices.Clone(info.Flags)
		slices.Sort(features)
		parts = append(parts, info.VendorID, info.ModelName, strings.Join(features, " "))
	}
	return fingerprint(append(parts, threads()...)...), nil
}

// threads lists what XLA's CPU client decides its number of threads by.
func threads() []string {
	return []string{string(binary.AppendUvarint(nil, uint64(runtime.NumCPU()))), os.Getenv("NPROC")}
}

// digest is the SHA-256 of a plugin's file. Hashing it takes a fraction of a second, so that it is done once for each
// file: what it was is noted under the file's place, size and time.
func digest(plugin string) (string, error) {
	info, err := os.Stat(plugin)
	if err != nil {
		return "", err
	}
	about := binary.AppendVarint(binary.AppendVarint([]byte(plugin), info.Size()), info.ModTime().UnixNano())
	note := filepath.Join(Dir(), "plugin-"+fingerprint(string(about))[:16])
	if known, err := os.ReadFile(note); err == nil && len(known) == hex.EncodedLen(sha256.Size) {
		return string(known), nil
	}
	sum, err := files.SHA256(plugin)
	if err != nil {
		return "", err
	}
	// A note that cannot be written is written another time.
	if err := os.MkdirAll(Dir(), 0o700); err == nil {
		_ = files.WriteFast(note, []byte(sum))
	}
	return sum, nil
}

// fingerprint hashes parts, none of which runs into the next.
func fingerprint(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		var size [8]byte
		binary.LittleEndian.PutUint64(size[:], uint64(len(part)))
		hash.Write(size[:])
		hash.Write([]byte(part))
	}
	return hex.EncodeToString(hash.Sum(nil))
}
