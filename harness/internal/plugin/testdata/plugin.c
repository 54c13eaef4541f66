// A shared library that introduces itself as a PJRT plugin and can do nothing else. The version and the number of
// functions are given to the compiler.
#include <stddef.h>

static const struct {
	size_t struct_size;
	void *extension_start;
	struct {
		size_t struct_size;
		void *extension_start;
		int major_version, minor_version;
	} version;
	void *functions[FUNCTIONS];
} api = {sizeof api, NULL, {sizeof api.version, NULL, MAJOR, MINOR}, {NULL}};

const void *GetPjrtApi(void) { return TABLE; }
