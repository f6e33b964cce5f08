/* The connections to one service, by what they are for, and the errors that came by them. */
#ifndef ALLOCD_BUS_STATISTICS_CONNECTION_STATISTICS_H
#define ALLOCD_BUS_STATISTICS_CONNECTION_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNECTION_ROLES_MAX     12
#define CONNECTION_ROLE_NAME_MAX 24

struct connection_role {
	char name[CONNECTION_ROLE_NAME_MAX];
	size_t count, up; /* now */
	uint64_t made;    /* times that one came up */
};

#define ERROR_CLASSES 16

/*
 * The classes of errors of a database: the first two characters of those values of SQLSTATE that say most
 * (PostgreSQL's manual, "PostgreSQL Error Codes"), "other", and "connection" for one that was lost or could
 * not be made.
 */
extern const char *const error_class_names[ERROR_CLASSES];

/* All zero: no connections. */
struct connection_statistics {
	struct connection_role roles[CONNECTION_ROLES_MAX];
	size_t role_count;
	uint64_t errors[ERROR_CLASSES]; /* by class; of a database only */
};

/* One more connection of that role exists, which is not up.  Returns NULL when `statistics` is. */
struct connection_role *connection_role_join(struct connection_statistics *statistics, const char *name);

/* A connection came up, or is not up any more; `role` may be NULL. */
void connection_role_note(struct connection_role *role, bool was_up, bool is_up);

/* An error with this SQLSTATE; NULL: the connection was lost or not made.  `statistics` may be NULL. */
void connection_error_note(struct connection_statistics *statistics, const char *sqlstate);

/* The connection exists no more; `role` may be NULL. */
void connection_role_leave(struct connection_role *role, bool was_up);

#endif
