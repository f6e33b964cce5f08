/*
 * The changes that a flush writes.  They are copied out of the unit of work when the flush is called, because
 * they may arrive later, perhaps after the worker that sent them has died.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_DATABASE_CHANGES_H
#define ALLOCD_ADAPTERS_MEMORY_DATABASE_CHANGES_H

#include "adapters/memory/database/database.h"
#include "adapters/memory/database/locks.h"
#include "bus/unit_of_work/unit_of_work.h"

struct product_change {
	const char *sku;
	int64_t revision; /* the revision that the database must have; 0: it must have no such product */
	int64_t version;
	bool changed; /* false: only the revision is checked */
	bool shrink_changed;
	struct shrink_row shrink;
};

struct batch_change {
	struct batch_row row;
	bool is_new;
};

struct line_change {
	struct line_row row;
	bool is_new;
};

struct outbox_change {
	int partition;
	struct stored_outbox_row row;
};

struct changes {
	struct arena *arena;
	const char *witness;
	int64_t epoch;            /* of the events */
	const char *timeline;     /* the one they may be committed on; "": any */
	struct lease_row *leases; /* their names and terms */
	size_t lease_count;
	struct inbox_row *inbox;
	size_t inbox_count;
	size_t loaded_after; /* of the rows of the inbox; the caller of changes_of() sets it */
	struct product_change *products;
	size_t product_count;
	struct batch_change *batches;
	size_t batch_count;
	struct line_change *lines;
	size_t line_count;
	struct view_row *views;
	size_t view_count;
	struct notification_row *notifications; /* their keys are set when they are applied */
	size_t notification_count;
	struct dead_letter_row *dead;
	size_t dead_count;
	int64_t new_letters; /* see unit_of_work_new_letters() */
	struct replay_row *replays;
	size_t replay_count;
	int64_t *ended; /* keys of processes */
	size_t ended_count;
	struct cursor *cursors;
	size_t cursor_count;
	struct outbox_change *outbox;
	int64_t *positions; /* of the outbox rows; set when they are applied */
	size_t outbox_count;
};

/* Copies them into `arena`, which is the database's: if they are applied, its tables keep them. */
struct changes *changes_of(const struct unit_of_work *uow, struct arena *arena);

/* Names the rows that the flush locks, including new ones, which no other flush may create meanwhile. */
struct lock_names changes_locks(struct changes *changes);

/* Whether the database accepts the changes; if not, sets *failure as the port's flush does. */
bool changes_check(const struct changes *changes, const struct database *database, struct failure *failure);

/* Writes all changes; the caller checks them immediately before. */
void changes_apply(struct changes *changes, struct database *database);

/* Sets in `uow`, which the changes were copied from, the results of the flush. */
void changes_report(const struct changes *changes, struct unit_of_work *uow);

#endif
