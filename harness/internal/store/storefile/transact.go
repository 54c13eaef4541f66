package storefile

import (
	"context"
	"database/sql"
	"errors"
)

// Writing returns the connection for writing. If the store was opened for reading only because the
// disk was full, it tries again.
func (f *File) Writing(ctx context.Context) (*sql.DB, error) {
	f.opening.Lock()
	defer f.opening.Unlock()
	if f.write != nil || !errors.Is(f.unwritable, ErrFull) {
		if f.write == nil {
			return nil, f.unwritable
		}
		return f.write, nil
	}
	// As long as any connection of this process uses its own index, no other can use the shared
	// one.
	f.read.SetMaxIdleConns(-1)
	defer f.read.SetMaxIdleConns(defaultIdle)
	err := prepareFile(ctx, f.path, f.busy) // an older schema has waited for the room
	var db *sql.DB
	if err == nil {
		db, err = connect(ctx, f.path, f.busy, writing)
	}
	switch {
	case KindOf(err) == ErrFull:
		return nil, f.unwritable // still
	case err != nil:
		return nil, err
	}
	f.write = db
	f.reading.now.Store(&target{f.path, reading})
	return db, nil
}

// defaultIdle is how many idle connections database/sql keeps.
const defaultIdle = 2

// Reading returns the pool of connections for reading. Each statement sees what was committed
// before it began.
func (f *File) Reading() *sql.DB { return f.read }

// InReadTx runs do in a transaction that only reads. Op says in errors what it was for.
func (f *File) InReadTx(ctx context.Context, op string, do func(tx *sql.Tx) error) error {
	t, err := f.read.BeginTx(ctx, nil)
	if err != nil {
		return f.Failure(op, err)
	}
	defer t.Rollback()
	return f.Failure(op, do(t))
}

// InTx runs do in a transaction on the connection for writing, which holds the write lock of the
// file from the beginning. Op says in errors what it was for.
func (f *File) InTx(ctx context.Context, op string, do func(tx *sql.Tx) error) error {
	db, err := f.Writing(ctx)
	if err == nil {
		err = Transact(ctx, db, do)
	}
	return f.Failure(op, err)
}

// Transact runs do in a transaction, which is committed if do returns nil.
func Transact(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() // without effect after Commit
	if err := do(t); err != nil {
		return err
	}
	err = t.Commit()
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return ctx.Err() // database/sql has already rolled it back, and has lost the reason
	}
	return err
}
