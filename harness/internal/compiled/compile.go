package compiled

/*
#include "pjrt.h"
*/
import "C"

import (
	"errors"
	"sync/atomic"
	"unsafe"
)

// about is what [Machine] says of the plugin in use.
var about atomic.Pointer[string]

// compileThroughCache takes the place of PJRT_Client_Compile.
//
//export compileThroughCache
func compileThroughCache(args *C.pjrt_compile_args) *C.pjrt_error {
	cache := active.Load()
	if cache == nil {
		compiled.Add(1)
		return C.plugin_compile(args)
	}
	key := keyOf(args)
	if data, ok := cache.load(key); ok {
		if loadProgram(args, data) == nil {
			loaded.Add(1)
			return nil
		}
		cache.remove(key) // of another version of XLA, say: it is compiled anew
	}
	compiled.Add(1)
	if err := C.plugin_compile(args); err != nil {
		return err
	}
	if data, err := serialize(args.executable); err == nil {
		cache.store(key, data)
	}
	return nil
}

// keyOf is the name of a program in the cache.
func keyOf(args *C.pjrt_compile_args) string {
	program := args.program
	return fingerprint(
		*about.Load(),
		C.GoStringN(program.format, C.int(program.format_size)),
		unsafe.String((*byte)(unsafe.Pointer(program.code)), program.code_size),
		unsafe.String((*byte)(unsafe.Pointer(args.compile_options)), args.compile_options_size),
	)
}

// loadProgram sets the result of a compilation to a program that was serialized.
func loadProgram(args *C.pjrt_compile_args, data []byte) error {
	var program *C.pjrt_loaded
	if err := asError(C.plugin_load(args.client, unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)), &program)); err != nil {
		return err
	}
	args.executable = program
	return nil
}

func serialize(program *C.pjrt_loaded) ([]byte, error) {
	var (
		data           *C.char
		size           C.size_t
		owner, release unsafe.Pointer
	)
	if err := asError(C.plugin_serialize(program, &data, &size, &owner, &release)); err != nil {
		return nil, err
	}
	defer C.free_serialized(owner, release)
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(data)), size)...), nil
}

// asError frees an error of the plugin.
func asError(err *C.pjrt_error) error {
	if err == nil {
		return nil
	}
	message := make([]byte, 1024)
	C.take_error(err, (*C.char)(unsafe.Pointer(&message[0])), C.size_t(len(message)))
	return errors.New(C.GoString((*C.char)(unsafe.Pointer(&message[0]))))
}
