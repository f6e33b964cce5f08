/*
 * Finds the programs that allocd-dev runs: allocd beside itself, the others in PATH, and Postgres also where
 * Debian has it.
 */
#include "entrypoints/dev_servers/dev_programs.h"

#include "entrypoints/cli/print.h"

#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Debian keeps the server's programs out of PATH, in one folder a version. */
#define DEBIAN_POSTGRES "/usr/lib/postgresql/"

/* Called with each folder of PATH, until it returns a path. */
typedef const char *folder_tried(const char *folder, const char *name, struct arena *arena);

static const char *program_in(const char *folder, const char *name, struct arena *arena)
{
	const char *path = arena_printf(arena, "%s/%s", *folder ? folder : ".", name);

	return access(path, X_OK) == 0 ? path : NULL;
}

static const char *try_path(folder_tried *try, const char *name, struct arena *arena)
{
	const char *at = getenv("PATH"), *found = NULL;

	for (size_t length; at && !found; at = at[length] ? at + length + 1 : NULL) {
		length = strcspn(at, ":");
		found = try(arena_text(arena, at, length), name, arena);
	}
	return found;
}

/* ---- Postgres ---- */

static const char *folder_with_postgres(const char *folder, const char *name, struct arena *arena)
{
	return program_in(folder, "initdb", arena) && program_in(folder, name, arena) ? folder : NULL;
}

static const char *newest_of_debian(struct arena *arena)
{
	glob_t folders;
	const char *newest = NULL;
	double best = 0;

	glob(DEBIAN_POSTGRES "*/bin", 0, NULL, &folders);
	for (size_t i = 0; i < folders.gl_pathc; i++) {
		double version = strtod(folders.gl_pathv[i] + strlen(DEBIAN_POSTGRES), NULL);

		if (version > best && folder_with_postgres(folders.gl_pathv[i], "postgres", arena)) {
			newest = arena_strdup(arena, folders.gl_pathv[i]);
			best = version;
		}
	}
	globfree(&folders);
	return newest;
}

static bool find_postgres(struct dev_programs *programs, struct arena *arena)
{
	const char *folder = try_path(folder_with_postgres, "postgres", arena);

	if (!folder)
		folder = newest_of_debian(arena);
	if (!folder) {
		print_error("found no Postgres server (initdb and postgres) in PATH or in " DEBIAN_POSTGRES
			    "*/bin: apt-get install postgresql");
		return false;
	}
	programs->initdb = program_in(folder, "initdb", arena);
	programs->postgres = program_in(folder, "postgres", arena);
	return true;
}

/* ---- the others ---- */

static bool find_redis(struct dev_programs *programs, struct arena *arena)
{
	programs->redis = try_path(program_in, "redis-server", arena);
	if (!programs->redis)
		print_error("found no redis-server in PATH: apt-get install redis-server");
	return programs->redis;
}

static bool find_allocd(struct dev_programs *programs, struct arena *arena)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	if (length > 0) {
		self[length] = '\0';
		slash = strrchr(self, '/');
		*slash = '\0';
		programs->allocd = program_in(self, "allocd", arena);
	}
	if (!programs->allocd)
		programs->allocd = try_path(program_in, "allocd", arena);
	if (!programs->allocd) {
		print_error("found no allocd beside allocd-dev or in PATH");
		return false;
	}
	slash = strrchr(programs->allocd, '/');
	programs->folder = arena_text(arena, programs->allocd, (size_t)(slash - programs->allocd));
	return true;
}

bool dev_programs_find(struct dev_programs *programs, struct arena *arena)
{
	*programs = (struct dev_programs){0};
	return find_allocd(programs, arena) && find_postgres(programs, arena) && find_redis(programs, arena);
}
