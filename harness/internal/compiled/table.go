package compiled

/*
#include <stdlib.h>
#include "pjrt.h"
*/
import "C"

import (
	"errors"
	"sync"
	"unsafe"
)

var (
	wrapping sync.Mutex
	wrapped  struct{ plugin, table unsafe.Pointer }
)

// Wrap returns a copy of a plugin's table of functions, in which programs are compiled through the cache that [Use]
// names. It works for one plugin a process; another's table is an error. machine is what [Machine] says about it.
func Wrap(table unsafe.Pointer, machine string) (unsafe.Pointer, error) {
	wrapping.Lock()
	defer wrapping.Unlock()
	if wrapped.plugin == table {
		return wrapped.table, nil
	}
	if wrapped.plugin != nil {
		return nil, errors.New("this process compiles for another plugin already")
	}
	about.Store(&machine)
	copied := C.wrap_table(table)
	if copied == nil {
		return nil, errors.New("no memory for a table of functions")
	}
	wrapped.plugin, wrapped.table = table, copied
	return copied, nil
}
