package plugin

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

// The beginning of PJRT_Api, the table of functions that a plugin hands out. The C API's rules keep it as it is for
// ever, so that a caller can find out what it deals with. The functions follow it, one pointer each.
typedef struct {
	size_t struct_size;
	void *extension_start;
	struct {
		size_t struct_size;
		void *extension_start;
		int major_version;
		int minor_version;
	} version;
} api_head;

// probe loads the library and returns the head of its table, or NULL and a message of the loader (NULL if the
// plugin itself returned no table). The library stays loaded: go-xla is about to use it, and XLA's libraries do
// not survive being unloaded.
static const api_head *probe(const char *path, const char **message) {
	void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	if (library == NULL) {
		*message = dlerror();
		return NULL;
	}
	const api_head *(*get)(void) = (const api_head *(*)(void))dlsym(library, "GetPjrtApi");
	if (get == NULL) {
		*message = dlerror();
		return NULL;
	}
	return get();
}
*/
import "C"

import (
	"fmt"
	"path/filepath"
	"strings"
	"unsafe"
)

// Version is the version of the PJRT C API that a plugin implements.
type Version struct{ Major, Minor int }

func (v Version) String() string { return fmt.Sprintf("PJRT API v%d.%d", v.Major, v.Minor) }

const (
	// supportedMajor is PJRT's incompatible version, 0 since its beginning.
	supportedMajor = 0
	// functionsNeeded is how many functions of the table GoMLX may call through go-xla v0.4.2: up to
	// PJRT_Executable_GetCompiledMemoryStats, the 97th. Calling beyond the end of an older plugin's table would end
	// the process, so such a plugin is refused.
	functionsNeeded = 97
)

// Probe loads a plugin, which must have passed [CheckFile], and returns its version and its table of functions.
// The environment that a plugin
// reads when it is loaded (XLA_FLAGS, TF_CPP_MIN_LOG_LEVEL) must be complete before. The error says why the plugin
// cannot be loaded, or that it is too old for go-xla, and what to do.
func Probe(path string) (Version, unsafe.Pointer, error) {
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	var message *C.char
	head := C.probe(cPath, &message)
	if head == nil {
		reason := "it returned no table of functions"
		if message != nil {
			reason = explain(strings.TrimPrefix(C.GoString(message), path+": "))
		}
		return Version{}, nil, fmt.Errorf("the XLA plugin %s cannot be loaded: %s", path, reason)
	}
	version := Version{Major: int(head.version.major_version), Minor: int(head.version.minor_version)}
	return version, unsafe.Pointer(head), checkTable(path, version, uintptr(head.struct_size))
}

// checkTable refuses a table of functions that go-xla cannot work with.
func checkTable(path string, version Version, tableBytes uintptr) error {
	if version.Major != supportedMajor {
		return fmt.Errorf("the XLA plugin %s implements %v, this program needs v%d.x; %s",
			path, version, supportedMajor, Advice(path))
	}
	headBytes, pointerBytes := unsafe.Sizeof(C.api_head{}), unsafe.Sizeof(uintptr(0))
	if tableBytes < headBytes+functionsNeeded*pointerBytes {
		return fmt.Errorf("the XLA plugin %s is too old: it implements %v with %d functions, this program needs %d; %s",
			path, version, (max(tableBytes, headBytes)-headBytes)/pointerBytes, functionsNeeded, Advice(path))
	}
	return nil
}

// explain adds to a message of the dynamic loader what to do about it, where that is known.
func explain(message string) string {
	switch {
	case strings.Contains(message, "GLIBC") || strings.Contains(message, "CXXABI"):
		return message + "; it needs a newer C or C++ library than this system has: use a newer system, or an older plugin"
	case strings.Contains(message, "libstdc++"):
		return message + "; install the C++ library (on Debian: apt-get install libstdc++6)"
	case strings.Contains(message, "cannot open shared object file"):
		return message + "; install that library, or add its folder to LD_LIBRARY_PATH"
	default:
		return message
	}
}

// KindOf guesses the kind of a plugin from its file name: "cuda" if it says so, else "cpu".
func KindOf(path string) string {
	name := strings.ToLower(filepath.Base(path))
	if strings.Contains(name, "cuda") || strings.Contains(name, "nvidia") {
		return "cuda"
	}
	return "cpu"
}
