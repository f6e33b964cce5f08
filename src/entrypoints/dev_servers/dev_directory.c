/* The directories of a run of allocd-dev, and the user that its servers run as. */
#include "entrypoints/dev_servers/dev_directory.h"

#include "entrypoints/cli/print.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SCRATCH_NAME "/allocd-dev-XXXXXX"

/* The longest path of a socket's folder is that of the scratch directory, and "/socket". */
#define TEMPORARY_MAX (SOCKET_DIRECTORY_MAX - sizeof SCRATCH_NAME - sizeof "/socket")

#define REMOVE_TRIES   40
#define REMOVE_STEP_NS 50000000

static bool fail(const char *what, const char *path)
{
	print_error("cannot %s %s: %s", what, path, strerror(errno));
	return false;
}

/* ---- the user ---- */

bool dev_user_choose(struct dev_user *user, struct arena *arena)
{
	static const char *const names[] = {"postgres", "nobody"};
	const struct passwd *found = NULL;

	*user = (struct dev_user){0};
	if (geteuid() != 0)
		return true;
	for (size_t i = 0; !found && i < sizeof names / sizeof *names; i++)
		found = getpwnam(names[i]);
	if (!found) {
		print_error(
			"Postgres refuses to run as root, and neither of the users %s and %s was found: start "
			"allocd-dev as another user",
			names[0], names[1]);
		return false;
	}
	*user = (struct dev_user){arena_strdup(arena, found->pw_name), found->pw_uid, found->pw_gid};
	return true;
}

/* ---- making ---- */

/* $TMPDIR, unless the path of a socket in it would be too long, or would need quotes in a URL. */
static const char *temporary(void)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";
	const char *path = getenv("TMPDIR");
	bool fits = path && path[0] == '/' && strlen(path) <= TEMPORARY_MAX && !path[strspn(path, plain)];

	return fits ? path : "/tmp";
}

static bool make_scratch(struct dev_directory *directory, const struct dev_user *user)
{
	snprintf(directory->scratch, sizeof directory->scratch, "%s" SCRATCH_NAME, temporary());
	if (!mkdtemp(directory->scratch)) {
		fail("make the directory", directory->scratch);
		directory->scratch[0] = '\0';
		return false;
	}
	/* The servers' user passes through it to the folders that are its own. */
	return !user->name || chmod(directory->scratch, 0711) == 0 ||
	       fail("open the directory", directory->scratch);
}

static bool lock(struct dev_directory *directory, const char *kept, struct arena *arena)
{
	char path[PATH_MAX];

	if (mkdir(kept, 0755) != 0 && errno != EEXIST)
		return fail("make the directory", kept);
	if (!realpath(kept, path))
		return fail("use the directory", kept);
	directory->kept = arena_strdup(arena, path);
	directory->lock = open(arena_printf(arena, "%s/lock", path), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (directory->lock < 0)
		return fail("use the directory", kept);
	if (flock(directory->lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	print_error("another allocd-dev uses the directory %s", kept);
	return false;
}

bool dev_directory_make(struct dev_directory *directory, const char *kept, const struct dev_user *user,
			struct arena *arena)
{
	*directory = (struct dev_directory){.lock = -1};
	return (!kept || lock(directory, kept, arena)) && make_scratch(directory, user);
}

const char *dev_folder_make(const char *parent, const char *name, const struct dev_user *user,
			    struct arena *arena)
{
	const char *path = arena_printf(arena, "%s/%s", parent, name);

	if ((mkdir(path, 0700) == 0 || errno == EEXIST) &&
	    (!user->name || lchown(path, user->uid, user->gid) == 0))
		return path;
	fail("make the directory", path);
	return NULL;
}

/* ---- removing ---- */

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	remove(path);
	return 0;
}

void dev_folder_remove(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* A server that was killed may write until it has ended. */
void dev_directory_remove(const struct dev_directory *directory)
{
	const struct timespec step = {.tv_nsec = REMOVE_STEP_NS};
	const char *path = directory->scratch;

	for (int i = 0; path[0] && i < REMOVE_TRIES; i++) {
		dev_folder_remove(path);
		if (access(path, F_OK) != 0)
			return;
		nanosleep(&step, NULL);
	}
	if (path[0])
		print_error("cannot remove the directory %s", path);
}
