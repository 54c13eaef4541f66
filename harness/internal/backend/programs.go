package backend

import (
	"sync"
	"unsafe"

	"github.com/gomlx/go-xla/pjrt"

	"flowharness/harness/internal/compiled"
)

// registering guards go-xla's list of plugins, which [pjrt.RegisterPreloadedPlugin] changes without a lock.
var registering sync.Mutex

// keepPrograms makes go-xla take compiled programs from the cache, and leave there what it compiles. Whatever stands
// in the way is told and no reason to fail: programs are then compiled, as if there were no cache. On a GPU there
// is none: a plugin for CUDA picks its kernels by timing them, which a program of another machine has not seen.
func keepPrograms(kind, path string, table unsafe.Pointer, opts Options) {
	registering.Lock()
	defer registering.Unlock()
	compiled.Use(nil)
	if kind != "cpu" || opts.NoCache {
		return
	}
	tell := opts.Log
	if tell == nil {
		tell = func(string) {}
	}
	cache, err := compiled.Default(tell)
	if err != nil {
		tell("compiled programs are not kept: " + err.Error())
		return
	}
	if cache == nil {
		return
	}
	machine, err := compiled.Machine(path)
	if err == nil {
		table, err = compiled.Wrap(table, machine)
	}
	if err == nil {
		err = register(path, table)
	}
	if err != nil {
		tell("compiled programs are not kept: " + err.Error())
		return
	}
	compiled.Use(cache)
}

// registered are the plugins that go-xla has by a table of functions given to it.
var registered = make(map[string]bool)

// register makes go-xla use a table of functions for the plugin of a path.
func register(path string, table unsafe.Pointer) error {
	if registered[path] {
		return nil
	}
	if err := pjrt.RegisterPreloadedPlugin(path, uintptr(table)); err != nil {
		return err
	}
	registered[path] = true
	return nil
}
