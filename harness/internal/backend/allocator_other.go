//go:build !linux

package backend

// allocator is empty: only glibc's allocator can be tuned.
var allocator string

// TuneAllocator does nothing on this system: only glibc's allocator can be tuned.
func TuneAllocator() {}
