package backend

import (
	"fmt"
	"runtime/debug"
)

// Catch runs fn and returns its error. GoMLX reports mistakes in building and running a graph by panicking; this is
// the one place where such a panic becomes an error, a [*PanicError].
func Catch(fn func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	return fn()
}

// PanicError is a panic caught by [Catch].
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // the stack at the panic, as debug.Stack formats it
}

func (e *PanicError) Error() string { return fmt.Sprint(e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
