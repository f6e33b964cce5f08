/* Keeps the list of flushes whose result no worker waits for. */
#include "adapters/memory/simulation/lost.h"

#include "core/base/must.h"

#include <string.h>

struct lost_flush {
	struct lost_flush *next;
	struct changes *changes;
	enum lost_where where;
};

void lost_add(struct database *database, struct changes *changes, enum lost_where where)
{
	struct lost_flush *lost = must_alloc(sizeof *lost), **place = &database->lost;
	struct lock_names names = changes_locks(changes);

	lost->changes = changes;
	lost->where = where;
	if (where == LOST_COMMITTING)
		locks_acquire(database, &names, lost);
	while (*place)
		place = &(*place)->next;
	*place = lost;
}

size_t database_lost_count(const struct database *database)
{
	size_t count = 0;

	for (const struct lost_flush *lost = database->lost; lost; lost = lost->next)
		count++;
	return count;
}

/* Whether the flush can commit now: one that would have to wait for a lock is rolled back. */
static bool may_commit(const struct database *database, const struct lost_flush *lost)
{
	struct lock_names names = changes_locks(lost->changes);
	struct failure failure;

	return !locks_blocked(database, &names, lost) && changes_check(lost->changes, database, &failure);
}

static void end(struct database *database, struct lost_flush **place, bool commit)
{
	struct lost_flush *lost = *place;

	*place = lost->next;
	if (commit && may_commit(database, lost))
		changes_apply(lost->changes, database);
	locks_release(database, lost);
	free(lost);
}

void database_end_lost(struct database *database, bool commit)
{
	if (database->lost)
		end(database, &database->lost, commit);
}

static bool keeps(const struct lost_flush *lost, const char *lease)
{
	for (size_t i = 0; lost->where == LOST_COMMITTING && i < lost->changes->lease_count; i++) {
		if (!strcmp(lost->changes->leases[i].name, lease))
			return true;
	}
	return false;
}

bool database_lost_keeps(const struct database *database, const char *lease)
{
	const struct lost_flush *it = database->lost;

	while (it && !keeps(it, lease))
		it = it->next;
	return it;
}

void database_end_lost_under(struct database *database, const char *lease)
{
	for (struct lost_flush **place = &database->lost; *place;) {
		if (keeps(*place, lease))
			end(database, place, false);
		else
			place = &(*place)->next;
	}
}

void lost_drop_all(struct database *database)
{
	while (database->lost)
		database_end_lost(database, false);
}
