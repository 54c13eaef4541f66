package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"flowharness/harness/internal/record"
)

// endStatuses are the statuses with which a run can end.
var endStatuses = []record.Status{record.StatusFinished, record.StatusInterrupted, record.StatusFailed, record.StatusDiverged}

var errFinished = errors.New("recording the run: it has been finished")

// Finish writes what is left in the buffer, records how the run ended, and stops the writer.
//
// It tries hard. While another process holds the store it waits, for up to a minute or until ctx
// ends. If the disk is full it uses the space that was reserved for this and, if need be, gives up
// the last points, less than a second of them. It then returns nil, and [Writer.Err] reports that
// the disk is full.
func (w *Writer) Finish(ctx context.Context, status record.Status, reason string) error {
	if !slices.Contains(endStatuses, status) {
		return fmt.Errorf("finishing a run: %q is not how a run ends; use one of %v", status, endStatuses)
	}
	return w.end(ctx, &ending{status, reason})
}

// stop is Finish without recording an end.
func (w *Writer) stop() error {
	err := w.end(context.Background(), nil)
	if errors.Is(err, errFinished) {
		return nil
	}
	return err
}

func (w *Writer) end(ctx context.Context, how *ending) error {
	w.stopOnce.Do(func() { close(w.quit) })
	<-w.done
	w.flushing.Lock()
	defer w.flushing.Unlock()
	if w.ended {
		return errFinished
	}
	w.ended = true

	err := w.flushPatiently(ctx, how)
	for _, makeRoom := range []func(){w.reserve.Release, w.dropBuffer} {
		if !errors.Is(err, ErrFull) {
			break
		}
		w.fail(err)
		makeRoom()
		err = w.flushPatiently(ctx, how)
	}

	w.mu.Lock()
	w.dropping = true
	w.mu.Unlock()
	w.reserve.Release()
	w.store.mu.Lock()
	delete(w.store.writers, w)
	w.store.mu.Unlock()
	return errors.Join(err, w.points.Close())
}

// flushPatiently waits while the store is locked. If ctx ends, it stops waiting, but it does not
// interrupt a write: a run that was told to stop still records that it stopped.
func (w *Writer) flushPatiently(ctx context.Context, how *ending) error {
	const pause = 100 * time.Millisecond
	giveUp := time.Now().Add(lockPatience)
	for {
		err := w.flush(context.WithoutCancel(ctx), how)
		if !errors.Is(err, ErrLocked) || time.Now().After(giveUp) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func (w *Writer) dropBuffer() { w.take() }
