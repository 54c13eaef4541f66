package archive

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/store"
)

// ErrNoCheckpoints says that a run has been trained but has no checkpoint to export.
var ErrNoCheckpoints = errors.New("it has no checkpoint")

// ExportOptions say what goes into an archive besides what the store holds.
type ExportOptions struct {
	Checkpoints bool
}

// Export writes a run of a store to a file, which appears only when it is complete. A live run is
// refused with [store.ErrRunning]. If checkpoints are asked for and have been lost, the error is
// [ErrNoCheckpoints].
func Export(ctx context.Context, st *store.Store, run store.RunInfo, path string, o ExportOptions) (Manifest, error) {
	m, err := export(ctx, st, run, path, o)
	if err != nil {
		return m, fmt.Errorf("exporting run %s: %w", run.Slug, err)
	}
	return m, nil
}

func export(ctx context.Context, st *store.Store, run store.RunInfo, path string, o ExportOptions) (m Manifest, err error) {
	parent := files.TempDir(path)
	dir, err := os.MkdirTemp(parent, "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return m, about(path, parent, err)
	}
	defer os.RemoveAll(dir)
	if err := st.Extract(ctx, run.ID, filepath.Join(dir, storeName)); err != nil {
		return m, err
	}
	sources := []string{filepath.Join(dir, storeName)}
	names := []string{storeName}
	if o.Checkpoints {
		checkpoints, err := checkpointFiles(checkpoint.RunDir(st.Path(), run.ID))
		if err != nil {
			return m, err
		}
		if run.LastStep > 0 && !slices.ContainsFunc(checkpoints, isWeights) {
			return m, fmt.Errorf("it trained %d steps, and %s holds no checkpoint of it: %w", run.LastStep,
				checkpoint.RunDir(st.Path(), run.ID), ErrNoCheckpoints)
		}
		for _, c := range checkpoints {
			sources = append(sources, c)
			names = append(names, checkpointsPrefix+filepath.Base(c))
		}
	}
	m = Manifest{Format: formatName, Version: formatVersion, Run: Run{run.ID, run.Slug, run.ConfigHash}}
	for i, source := range sources {
		f, err := describe(ctx, names[i], source)
		if err != nil {
			return m, err
		}
		m.Files = append(m.Files, f)
	}

	out, err := files.Create(path)
	if err != nil {
		return m, err
	}
	defer out.Abort()
	if err := write(ctx, out, m, sources); err != nil {
		return m, about(path, dir, err)
	}
	return m, out.Commit()
}

// isWeights tells whether a file is a checkpoint. Grids lie beside checkpoints.
func isWeights(name string) bool { return strings.HasSuffix(name, ".safetensors") }

// checkpointFiles lists the files in a run's folder of checkpoints, both checkpoints and grids, by
// name. If there is no folder, there are none.
func checkpointFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if e.Type().IsRegular() && checkpointForm.MatchString(e.Name()) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

func describe(ctx context.Context, name, path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, files.Reader(ctx, f))
	return File{name, n, hex.EncodeToString(sum.Sum(nil))}, err
}

// write writes the archive. Nothing about the machine or the time goes into it.
func write(ctx context.Context, out io.Writer, m Manifest, sources []string) error {
	// With one goroutine, since several could divide the data differently.
	z, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	defer z.Close() // again, without effect, where all went well
	t := tar.NewWriter(z)
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	manifest = append(manifest, '\n')
	if err := t.WriteHeader(header(manifestName, int64(len(manifest)))); err != nil {
		return err
	}
	if _, err := t.Write(manifest); err != nil {
		return err
	}
	for i, f := range m.Files {
		if err := writeFile(ctx, t, f, sources[i]); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

func writeFile(ctx context.Context, t *tar.Writer, f File, source string) error {
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := t.WriteHeader(header(f.Name, f.Size)); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(t, sum), io.LimitReader(files.Reader(ctx, in), f.Size))
	if err != nil {
		return err
	}
	if n != f.Size || hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%s changed while it was exported: try again", source)
	}
	return nil
}

func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
}

// about describes an error of writing an archive without mentioning temporary files.
func about(path, temp string, err error) error {
	var pathError *fs.PathError
	var linkError *os.LinkError
	switch {
	case errors.As(err, &pathError) && strings.HasPrefix(pathError.Path, temp):
		err = pathError.Err
	case errors.As(err, &linkError):
		err = linkError.Err
	}
	return fmt.Errorf("writing %s: %w", path, err)
}
