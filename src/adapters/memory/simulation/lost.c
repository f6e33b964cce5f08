/* Keeps the list of flushes whose result no worker waits for. */
#include "adapters/memory/simulation/lost.h"

#include "core/base/must.h"

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

void database_end_lost(struct database *database, bool commit)
{
	struct lost_flush *lost = database->lost;

	if (!lost)
		return;
	database->lost = lost->next;
	if (commit && may_commit(database, lost))
		changes_apply(lost->changes, database);
	locks_release(database, lost);
	free(lost);
}

void lost_drop_all(struct database *database)
{
	while (database->lost)
		database_end_lost(database, false);
}
