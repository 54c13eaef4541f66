package storefile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/files"
)

// Open opens the store at path for reading and writing. It creates the file
// and its folder if they are absent, and brings an older schema up to date.
//
// Errors match [ErrNotAStore], [ErrNewerSchema], [ErrCorrupt], [ErrReadOnly],
// [ErrLocked] or [ErrFull] where one of these is the cause.
func Open(ctx context.Context, path string, o Options) (*File, error) {
	path, err := filepath.Abs(files.FollowLink(path))
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", path, err)
	}
	if err := prepareFile(ctx, path, o.busy()); err != nil {
		return nil, Failure("opening the store", path, err)
	}
	f := &File{path: path, busy: o.busy()}
	if f.write, err = connect(ctx, path, o.busy(), writing); err != nil {
		return nil, Failure("opening the store", path, err)
	}
	if f.read, err = connect(ctx, path, o.busy(), reading); err == nil {
		f.version, err = fileVersion(ctx, f.read)
	}
	if err == nil {
		err = f.identify(ctx)
	}
	if err != nil {
		f.Close()
		return nil, Failure("opening the store", path, err)
	}
	return f, nil
}

// OpenExisting is [Open] for a store that must exist already. Where the file cannot be written,
// because of its medium, its permissions or a full disk, it is opened for reading only, and
// [File.Unwritable] says why. Writing then fails for the same reason, until a full disk has room
// again. If the file is of an older schema, an up-to-date copy is read.
func OpenExisting(ctx context.Context, path string, o Options) (*File, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, absent(path)
	}
	f, err := Open(ctx, path, o)
	if errors.Is(err, ErrReadOnly) || errors.Is(err, ErrFull) {
		reading, e := openReadOnly(ctx, path, o, true)
		if copying, ok := errors.AsType[*Error](e); ok && copying.Help.Action == fault.MakeRoomForCopy {
			return nil, e
		}
		if e == nil {
			reading.unwritable = err
			if full, ok := errors.AsType[*Error](err); ok && full.Kind == ErrFull {
				full.Help = fault.Do(fault.DeleteRuns, path)
			}
			return reading, nil
		}
	}
	return f, err
}

func absent(path string) error {
	return fault.WithRemedy(fmt.Errorf("there is no store at %s: %w", path, fs.ErrNotExist), fault.CreateStore)
}

// OpenReadOnly opens an existing store for reading only; this works on a read-only medium. If there
// is no file, the error matches [io/fs.ErrNotExist]. Writing fails with [ErrReadOnly]. An older
// schema is refused.
func OpenReadOnly(ctx context.Context, path string, o Options) (*File, error) {
	return openReadOnly(ctx, path, o, false)
}

// openReadOnly is [OpenReadOnly], but may read an up-to-date copy of a file of an older schema.
func openReadOnly(ctx context.Context, path string, o Options, copies bool) (*File, error) {
	const op = "opening the store for reading"
	path, err := filepath.Abs(files.FollowLink(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, absent(path)
	case err != nil:
		return nil, Failure(op, path, err)
	}
	if err := checkHeader(path, info); err != nil {
		return nil, Failure(op, path, err)
	}
	f := &File{path: path, busy: o.busy(), unwritable: errOpenedForReading}
	f.read, f.version, f.reading, err = connectReadOnly(ctx, path, o.busy())
	if err != nil {
		return nil, Failure(op, path, err)
	}
	newest, err := NewestVersion()
	if err == nil {
		err = CheckVersion(f.version)
	}
	if err == nil && f.version < newest && copies {
		err = f.readCopy(ctx, info.Size(), newest)
	} else if err == nil && f.version < newest {
		err = &Error{Kind: ErrReadOnly, Err: fmt.Errorf("its schema version %d must be brought to %d first", f.version, newest),
			Help: fault.Do(fault.UpgradeStore, path)}
	}
	if err == nil {
		err = f.identify(ctx)
	}
	if err != nil {
		f.Close()
		return nil, Failure(op, path, err)
	}
	return f, nil
}
