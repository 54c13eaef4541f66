package dataset

import (
	"context"
	"sync"
)

// attending is who is told of preparing data of one's own, and what interrupts it.
var attending struct {
	sync.Mutex
	ctx      context.Context
	progress Preparing
}

// Preparing is called while images are prepared: what is done, how many of them are, and of how many; total is -1 where it is
// not known yet. Calls come from one goroutine at a time.
type Preparing func(what string, done, total int)

// Attend lets a program show the preparing of data of one's own, which reading a config begins, and interrupt it with a
// context. It returns what undoes that.
func Attend(ctx context.Context, progress Preparing) (stop func()) {
	attending.Lock()
	defer attending.Unlock()
	attending.ctx, attending.progress = ctx, progress
	return func() {
		attending.Lock()
		defer attending.Unlock()
		attending.ctx, attending.progress = nil, nil
	}
}

// Attended is the context that [Attend] was given, for those who have no other.
func Attended() context.Context {
	attending.Lock()
	defer attending.Unlock()
	if attending.ctx == nil {
		return context.Background()
	}
	return attending.ctx
}

func tell(what string, done, total int) {
	attending.Lock()
	defer attending.Unlock()
	if attending.progress != nil {
		attending.progress(what, done, total)
	}
}
