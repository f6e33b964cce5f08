/*
 * `allocd version`: prints which program this is, the newest migration that it knows, and of each library the
 * version that it was built with and the one that is in use, where the library has a function for that.
 */
#include "core/base/must.h"
#include "entrypoints/cli/commands.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/revision.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <msgpack.h>
#include <openssl/crypto.h>

static const char *curl_in_use(void)
{
	return curl_version_info(CURLVERSION_NOW)->version;
}

static const char *libpq_in_use(void)
{
	static char text[32];

	snprintf(text, sizeof text, "%d.%d", PQlibVersion() / 10000, PQlibVersion() % 10000);
	return text;
}

static const char *openssl_in_use(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}

static const struct {
	const char *name, *built_with;
	const char *(*in_use)(void); /* NULL: the library does not say */
} libraries[] = {
	{"hiredis", BUILT_HIREDIS, NULL},           {"jansson", BUILT_JANSSON, jansson_version_str},
	{"libcurl", BUILT_LIBCURL, curl_in_use},    {"libevent", BUILT_LIBEVENT, event_get_version},
	{"libpq", BUILT_LIBPQ, libpq_in_use},       {"msgpack", BUILT_MSGPACK, msgpack_version},
	{"openssl", BUILT_OPENSSL, openssl_in_use},
};

#define LIBRARIES (sizeof libraries / sizeof libraries[0])

static void print_object(void)
{
	json_t *built_with = must(json_object()), *in_use = must(json_object());

	for (size_t i = 0; i < LIBRARIES; i++) {
		json_object_set_new(built_with, libraries[i].name,
				    must(json_string(libraries[i].built_with)));
		json_object_set_new(in_use, libraries[i].name,
				    libraries[i].in_use ? must(json_string(libraries[i].in_use()))
							: json_null());
	}
	json_line_print(must(json_pack("{s:s, s:s, s:i, s:o, s:o}", "version", ALLOCD_VERSION, "revision",
				       ALLOCD_REVISION, "migration", ALLOCD_MIGRATION, "libraries",
				       built_with, "in_use", in_use)),
			stdout);
}

enum exit_status command_version(const struct invocation *invocation)
{
	if (invocation_flag(invocation, "json")) {
		print_object();
		return STATUS_DONE;
	}
	printf("allocd %s\n\n%-10s %s\n%-10s %d\n\n%-10s %-15s %s\n", ALLOCD_VERSION, "revision",
	       ALLOCD_REVISION, "migration", ALLOCD_MIGRATION, "library", "built with", "in use");
	for (size_t i = 0; i < LIBRARIES; i++)
		printf("%-10s %-15s %s\n", libraries[i].name, libraries[i].built_with,
		       libraries[i].in_use ? libraries[i].in_use() : "unknown");
	return STATUS_DONE;
}
