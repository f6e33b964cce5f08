/* Counts connections and errors. */
#include "bus/statistics/connection_statistics.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static struct connection_role *role_named(struct connection_statistics *statistics, const char *name)
{
	struct connection_role *role;

	for (size_t i = 0; i < statistics->role_count; i++) {
		if (!strcmp(statistics->roles[i].name, name))
			return &statistics->roles[i];
	}
	assert(statistics->role_count < CONNECTION_ROLES_MAX);
	role = &statistics->roles[statistics->role_count++];
	snprintf(role->name, sizeof role->name, "%s", name);
	return role;
}

struct connection_role *connection_role_join(struct connection_statistics *statistics, const char *name)
{
	struct connection_role *role = statistics ? role_named(statistics, name) : NULL;

	if (role)
		role->count++;
	return role;
}

void connection_role_note(struct connection_role *role, bool was_up, bool is_up)
{
	if (!role || was_up == is_up)
		return;
	if (is_up) {
		role->up++;
		role->made++;
	} else {
		role->up--;
	}
}

void connection_role_leave(struct connection_role *role, bool was_up)
{
	connection_role_note(role, was_up, false);
	if (role)
		role->count--;
}

/* ---- errors ---- */

enum { CLASS_CONNECTION, CLASS_OTHER, CLASSES_OF_SQLSTATE };

const char *const error_class_names[ERROR_CLASSES] = {
	[CLASS_CONNECTION] = "connection",
	[CLASS_OTHER] = "other",
	[CLASSES_OF_SQLSTATE] = "08", /* connection exception */
	"22",                         /* data exception */
	"23",                         /* integrity constraint violation */
	"25",                         /* invalid transaction state, among them read-only */
	"28",                         /* invalid authorization */
	"40",                         /* transaction rollback: deadlock, serialization */
	"42",                         /* undefined table, insufficient privilege */
	"53",                         /* insufficient resources */
	"54",                         /* program limit exceeded */
	"55",                         /* object not in prerequisite state: locks */
	"57",                         /* operator intervention: timeouts, shutdown */
	"58",                         /* system error */
	"XX",                         /* internal error */
	"ZR",                         /* allocd's own: a revision or a lease was lost to another worker */
};

void connection_error_note(struct connection_statistics *statistics, const char *sqlstate)
{
	size_t class = sqlstate ? CLASS_OTHER : CLASS_CONNECTION;

	if (!statistics)
		return;
	for (size_t i = CLASSES_OF_SQLSTATE; sqlstate && i < ERROR_CLASSES; i++) {
		if (!strncmp(sqlstate, error_class_names[i], 2))
			class = i;
	}
	statistics->errors[class]++;
}
