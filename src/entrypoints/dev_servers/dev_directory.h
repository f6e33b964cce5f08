/* The directories of a run of allocd-dev, and the user that its servers run as. */
#ifndef ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_DIRECTORY_H
#define ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_DIRECTORY_H

#include "core/base/arena.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* Postgres refuses to run as root, and then both servers run as another user. */
struct dev_user {
	const char *name; /* NULL: the user of this process */
	uid_t uid;
	gid_t gid;
};

struct dev_directory {
	char scratch[PATH_MAX]; /* sockets, logs and, unless it is kept, data; removed at the end */
	const char *kept;       /* the data's directory, or NULL */
	int lock;               /* the open lock of `kept`; or -1 */
};

/* Postgres' socket is /.s.PGSQL.5432 in its directory, and an address holds 107 bytes. */
#define SOCKET_DIRECTORY_MAX 90

/* Each of these returns false after it has reported why. */
bool dev_user_choose(struct dev_user *user, struct arena *arena);

/* `kept` may be NULL; it is created, and locked against a second run, until this process ends. */
bool dev_directory_make(struct dev_directory *directory, const char *kept, const struct dev_user *user,
			struct arena *arena);

/* A folder of the user's own in `parent`; it may exist already.  NULL after it has reported why. */
const char *dev_folder_make(const char *parent, const char *name, const struct dev_user *user,
			    struct arena *arena);

/* Removes the folder and all in it, but nothing that its symbolic links lead to.  It may be missing. */
void dev_folder_remove(const char *path);

/* Removes the scratch directory and all in it, which may change meanwhile, for 2 s at most. */
void dev_directory_remove(const struct dev_directory *directory);

#endif
