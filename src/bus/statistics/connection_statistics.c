/* Counts connections. */
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
