package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"flowharness/harness/internal/files"
	"flowharness/harness/internal/merge"
	"flowharness/harness/internal/store"
)

// ImportOptions are options of [Import].
type ImportOptions struct {
	Limit int64 // largest unpacked size in bytes; 0: DefaultLimit
}

// Import merges the run of an archive into the store at storePath with [merge.Store]. The store is
// created if there is none. Importing the same archive again changes nothing.
//
// The whole archive is checked before the store is touched. It is unpacked into a temporary folder
// beside the store, and its run is merged into another new store there. So everything that reaches
// the user's store has been read by this build.
func Import(ctx context.Context, storePath, file string, o ImportOptions) (Manifest, store.MergeResult, error) {
	m, result, err := importFile(ctx, storePath, file, o)
	if err != nil {
		return m, result, fmt.Errorf("importing %s: %w", file, err)
	}
	return m, result, nil
}

func importFile(ctx context.Context, storePath, file string, o ImportOptions) (m Manifest, result store.MergeResult, err error) {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	in, err := os.Open(file)
	if err != nil {
		return m, result, errors.Unwrap(err)
	}
	defer in.Close()
	if info, err := in.Stat(); err == nil && !info.Mode().IsRegular() {
		return m, result, errors.New("it is not a file")
	}
	dir, err := os.MkdirTemp(nearest(filepath.Dir(storePath)), ".harness-import-*")
	if err != nil {
		return m, result, fmt.Errorf("making a folder to unpack it: %w", err)
	}
	defer os.RemoveAll(dir)
	if m, err = unpack(ctx, files.Reader(ctx, in), dir, o.Limit); err != nil {
		return m, result, err
	}
	checked := filepath.Join(dir, "checked.db")
	if err := checkStore(ctx, m, filepath.Join(dir, storeName), checked); err != nil {
		return m, result, err
	}
	st, err := store.Open(ctx, storePath)
	if err != nil {
		return m, result, err
	}
	defer st.Close()
	result, err = merge.Store(ctx, st, checked, store.MergeOptions{})
	return m, result, err
}

// checkStore merges the run of the unpacked store into a new one, and reads everything about it
// there.
func checkStore(ctx context.Context, m Manifest, unpacked, checked string) error {
	st, err := store.Open(ctx, checked)
	if err != nil {
		return err
	}
	defer st.Close()
	result, err := st.Merge(ctx, unpacked, store.MergeOptions{})
	switch {
	case err != nil:
		return fmt.Errorf("its %s: %w", storeName, withoutFile(err))
	case result.Live > 0:
		return fmt.Errorf("its %s: a run counts as running", storeName)
	case result.Trashed > 0:
		return fmt.Errorf("its %s: a run is in the trash", storeName)
	case result.Total() != 1:
		return fmt.Errorf("its %s holds %d runs, not the one that its manifest names", storeName, result.Total())
	}
	runs, err := st.ListRuns(ctx, store.Filter{Shelf: store.ShelfAll})
	if err != nil {
		return fmt.Errorf("its %s: %w", storeName, err)
	}
	run := runs[0]
	if held := (Run{run.ID, run.Slug, run.ConfigHash}); held != m.Run {
		return fmt.Errorf("its %s holds run %s (%s, config hash %.12s), its manifest names %s (%s, config hash %.12s)",
			storeName, held.Slug, held.ID, held.ConfigHash, m.Run.Slug, m.Run.ID, m.Run.ConfigHash)
	}
	if err := readAll(ctx, st, run.ID); err != nil {
		return fmt.Errorf("its %s: %w", storeName, withoutFile(err))
	}
	return nil
}

// readAll reads everything about a run that commands read.
func readAll(ctx context.Context, st *store.Store, id string) error {
	_, errRun := st.Run(ctx, id)
	_, errSamples := st.Samples(ctx, id)
	_, errEvaluations := st.Evaluations(ctx, id)
	_, errLogs := st.Logs(ctx, id, store.LogOptions{})
	summaries, errSummaries := st.Summaries(ctx, id)
	err := errors.Join(errRun, errSamples, errEvaluations, errLogs, errSummaries)
	for _, s := range summaries {
		if err != nil {
			return err
		}
		_, err = st.Series(ctx, id, s.Name, store.SeriesOptions{})
	}
	return err
}

// withoutFile removes from an error about the unpacked store the name of the file and the advice,
// since that file is gone by the time they are read.
func withoutFile(err error) error {
	var e *store.Error
	if errors.As(err, &e) && !errors.Is(err, store.ErrFull) && e.Err != nil {
		return fmt.Errorf("%w: %w", e.Kind, e.Err)
	}
	return err
}

// nearest returns the folder or, if it does not exist yet, the closest one above it that does.
// Nothing is created before everything has been checked.
func nearest(dir string) string {
	for {
		_, err := os.Stat(dir)
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			return dir
		}
		dir = parent
	}
}
