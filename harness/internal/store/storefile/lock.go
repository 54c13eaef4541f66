package storefile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// Lock takes a lock that excludes other processes: the file at path, which unlocking removes. If
// another process holds the lock for longer than limit, the error matches [ErrLocked] and says what
// that process has been doing, such as "copying the files of a run".
func Lock(ctx context.Context, path string, limit time.Duration, doing string) (unlock func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		lock := flock.New(path)
		locked, err := lock.TryLockContext(waiting, 10*time.Millisecond)
		if !locked {
			if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
				return nil, &Error{Kind: ErrLocked, Err: fmt.Errorf("another process has been %s for %v", doing, limit)}
			}
			return nil, err
		}
		// The previous holder may have removed the file. Then this lock is on a file that others do
		// not see.
		held, err := lock.Stat()
		if err == nil {
			var seen fs.FileInfo
			if seen, err = os.Stat(path); err == nil && os.SameFile(held, seen) {
				return func() { os.Remove(path); lock.Close() }, nil
			}
		}
		lock.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}
