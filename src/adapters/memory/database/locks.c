/* Keeps a list of locks, each with its name and its holder. */
#include "adapters/memory/database/locks.h"

#include "core/base/must.h"

#include <string.h>

struct lock {
	struct lock *next;
	const void *holder;
	char name[];
};

struct lock_waiter {
	struct lock_waiter *next;
	struct task *task; /* NULL: no lock was released since the wait began */
	simulation_task *again;
	void *context;
	struct database *database;
};

void lock_names_add(struct lock_names *names, const char *table, const char *key)
{
	names->names = arena_grow(names->arena, names->names, names->count, sizeof *names->names);
	names->names[names->count++] = arena_printf(names->arena, "%s\xff%s", table, key);
}

static const struct lock *find(const struct database *database, const char *name)
{
	const struct lock *lock = database->locks;

	while (lock && strcmp(lock->name, name))
		lock = lock->next;
	return lock;
}

bool locks_blocked(const struct database *database, const struct lock_names *names, const void *holder)
{
	for (size_t i = 0; i < names->count && database->locks; i++) {
		const struct lock *lock = find(database, names->names[i]);

		if (lock && lock->holder != holder)
			return true;
	}
	return false;
}

static void add(struct database *database, const char *name, const void *holder)
{
	struct lock *lock = must_alloc(sizeof *lock + strlen(name) + 1);

	lock->holder = holder;
	strcpy(lock->name, name);
	lock->next = database->locks;
	database->locks = lock;
}

void locks_acquire(struct database *database, const struct lock_names *names, const void *holder)
{
	for (size_t i = 0; i < names->count; i++) {
		if (!find(database, names->names[i]))
			add(database, names->names[i], holder);
	}
}

/* ---- waiting ---- */

static void remove_waiter(struct database *database, struct lock_waiter **link)
{
	struct lock_waiter *waiter = *link;

	*link = waiter->next;
	simulation_cancel(database->simulation, &waiter->task);
	free(waiter);
}

void locks_stop_waiting(struct database *database, void *context)
{
	struct lock_waiter **link = &database->waiters;

	while (*link) {
		if ((*link)->context == context)
			remove_waiter(database, link);
		else
			link = &(*link)->next;
	}
}

static void wake(void *context)
{
	struct lock_waiter *waiter = context;
	struct lock_waiter woken = *waiter;

	waiter->task = NULL;
	locks_stop_waiting(woken.database, woken.context);
	woken.again(woken.context);
}

void locks_wait(struct database *database, simulation_task *again, void *context)
{
	struct lock_waiter *waiter = must_alloc(sizeof *waiter), **link = &database->waiters;

	while (*link)
		link = &(*link)->next;
	waiter->again = again;
	waiter->context = context;
	waiter->database = database;
	*link = waiter;
}

void locks_release(struct database *database, const void *holder)
{
	struct lock **link = &database->locks;
	bool is_released = false;

	while (*link) {
		struct lock *lock = *link;

		if (lock->holder == holder) {
			is_released = true;
			*link = lock->next;
			free(lock);
		} else {
			link = &lock->next;
		}
	}
	for (struct lock_waiter *waiter = is_released ? database->waiters : NULL; waiter;
	     waiter = waiter->next) {
		if (!waiter->task)
			waiter->task = simulation_post(database->simulation, 0, wake, waiter);
	}
}

void locks_release_all(struct database *database)
{
	while (database->locks)
		locks_release(database, database->locks->holder);
}

void locks_drop_all(struct database *database)
{
	while (database->waiters)
		remove_waiter(database, &database->waiters);
	while (database->locks) {
		struct lock *lock = database->locks;

		database->locks = lock->next;
		free(lock);
	}
}
