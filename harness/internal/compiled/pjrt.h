#ifndef HARNESS_COMPILED_PJRT_H
#define HARNESS_COMPILED_PJRT_H

#include <stddef.h>

// The parts of the PJRT C API that the cache deals with. The API only ever grows at the ends of its structures, so
// what is here stays true for every plugin of major version 0; a test holds it against the header go-xla is built with.

typedef struct pjrt_error pjrt_error;
typedef struct pjrt_client pjrt_client;
typedef struct pjrt_loaded pjrt_loaded;

typedef struct {
	size_t struct_size;
	void *extension_start;
	char *code;
	size_t code_size;
	const char *format;
	size_t format_size;
} pjrt_program;

typedef struct {
	size_t struct_size;
	void *extension_start;
	pjrt_client *client;
	const pjrt_program *program;
	const char *compile_options;
	size_t compile_options_size;
	pjrt_loaded *executable; // out
} pjrt_compile_args;

// wrap_table returns a copy of a plugin's table of functions in which programs are compiled by
// compileThroughCache, and remembers the plugin's own functions. It is never freed, as the plugin never is.
// NULL: no memory.
const void *wrap_table(const void *table);

// plugin_compile is the plugin's own compilation.
pjrt_error *plugin_compile(pjrt_compile_args *args);

// plugin_load loads what plugin_serialize returned.
pjrt_error *plugin_load(pjrt_client *client, const void *data, size_t size, pjrt_loaded **loaded);

// plugin_serialize sets data to the serialized program. free_serialized(owner, release) frees it.
pjrt_error *plugin_serialize(pjrt_loaded *loaded, const char **data, size_t *size, void **owner, void **release);
void free_serialized(void *owner, void *release);

// take_error frees an error and copies as much of its message as fits, with a zero at the end.
void take_error(pjrt_error *error, char *message, size_t size);

#endif
