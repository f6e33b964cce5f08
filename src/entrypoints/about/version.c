/* `allocd version`: prints what the program was built from. */
#include "core/base/must.h"
#include "entrypoints/cli/commands.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "revision.h"

#include <jansson.h>

static const struct {
	const char *name, *version;
} libraries[] = {
	{"hiredis", BUILT_HIREDIS},   {"jansson", BUILT_JANSSON}, {"libcurl", BUILT_LIBCURL},
	{"libevent", BUILT_LIBEVENT}, {"libpq", BUILT_LIBPQ},     {"msgpack", BUILT_MSGPACK},
	{"openssl", BUILT_OPENSSL},
};

#define LIBRARIES (sizeof libraries / sizeof libraries[0])

static void print_object(void)
{
	json_t *versions = must(json_object());

	for (size_t i = 0; i < LIBRARIES; i++)
		json_object_set_new(versions, libraries[i].name, must(json_string(libraries[i].version)));
	json_line_print(
		must(json_pack("{s:s, s:s, s:i, s:o}", "version", ALLOCD_VERSION, "revision", ALLOCD_REVISION,
			       "migration", ALLOCD_MIGRATION, "libraries", versions)),
		stdout);
}

enum exit_status command_version(const struct invocation *invocation)
{
	if (invocation_flag(invocation, "json")) {
		print_object();
		return STATUS_DONE;
	}
	printf("allocd %s\n\n%-10s %s\n%-10s %d\n", ALLOCD_VERSION, "revision", ALLOCD_REVISION, "migration",
	       ALLOCD_MIGRATION);
	for (size_t i = 0; i < LIBRARIES; i++)
		printf("%-10s %s\n", libraries[i].name, libraries[i].version);
	return STATUS_DONE;
}
