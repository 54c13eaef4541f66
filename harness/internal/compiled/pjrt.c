#include "pjrt.h"

#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"

// Where the functions stand in the table, which follows a head of 5 words.
enum {
	head_bytes = 5 * sizeof(void *),
	error_destroy = 0,
	error_message = 1,
	client_compile = 20,
	executable_destroy = 40,
	executable_serialize = 49,
	loaded_get_executable = 51,
	executable_deserialize_and_load = 56,
};

typedef pjrt_error *(*function)(void *args);

static const function *plugin; // the plugin's own functions

const void *wrap_table(const void *table) {
	size_t size = *(const size_t *)table;
	char *copy = malloc(size);
	if (copy == NULL)
		return NULL;
	memcpy(copy, table, size);
	plugin = (const function *)((const char *)table + head_bytes);
	((function *)(copy + head_bytes))[client_compile] = (function)compileThroughCache;
	return copy;
}

pjrt_error *plugin_compile(pjrt_compile_args *args) { return plugin[client_compile](args); }

pjrt_error *plugin_load(pjrt_client *client, const void *data, size_t size, pjrt_loaded **loaded) {
	struct {
		size_t struct_size;
		void *extension_start;
		pjrt_client *client;
		const void *data;
		size_t size;
		pjrt_loaded *loaded;
		const char *options; // NULL: those that it was compiled with
		size_t options_size;
	} args = {sizeof args, NULL, client, data, size, NULL, NULL, 0};
	pjrt_error *error = plugin[executable_deserialize_and_load](&args);
	*loaded = args.loaded;
	return error;
}

pjrt_error *plugin_serialize(pjrt_loaded *loaded, const char **data, size_t *size, void **owner, void **release) {
	struct {
		size_t struct_size;
		void *extension_start;
		pjrt_loaded *loaded;
		void *executable;
	} get = {sizeof get, NULL, loaded, NULL};
	pjrt_error *error = plugin[loaded_get_executable](&get);
	if (error != NULL)
		return error;
	struct {
		size_t struct_size;
		void *extension_start;
		void *executable;
		const char *data;
		size_t size;
		void *owner;
		void *release;
	} serialize = {sizeof serialize, NULL, get.executable, NULL, 0, NULL, NULL};
	error = plugin[executable_serialize](&serialize);
	*data = serialize.data;
	*size = serialize.size;
	*owner = serialize.owner;
	*release = serialize.release;
	struct {
		size_t struct_size;
		void *extension_start;
		void *executable;
	} destroy = {sizeof destroy, NULL, get.executable};
	pjrt_error *ignored = plugin[executable_destroy](&destroy);
	if (ignored != NULL)
		take_error(ignored, NULL, 0);
	return error;
}

void free_serialized(void *owner, void *release) {
	if (release != NULL)
		((void (*)(void *))release)(owner);
}

void take_error(pjrt_error *error, char *message, size_t size) {
	struct {
		size_t struct_size;
		void *extension_start;
		pjrt_error *error;
		const char *message;
		size_t message_size;
	} read = {sizeof read, NULL, error, NULL, 0};
	if (size > 0) {
		plugin[error_message](&read);
		size_t n = read.message_size < size - 1 ? read.message_size : size - 1;
		memcpy(message, read.message, n);
		message[n] = 0;
	}
	struct {
		size_t struct_size;
		void *extension_start;
		pjrt_error *error;
	} destroy = {sizeof destroy, NULL, error};
	plugin[error_destroy](&destroy);
}
