/*
 * The unit of work: a few messages that are handled together and committed in one transaction.
 *
 * The unit notes what its messages need, and the store loads it.  The messages are handled in memory one by
 * one, each atomically; the store flushes the changes; then the unit is dropped as a whole.  A unit that
 * could not be flushed is cleared and rebuilt.
 *
 * A store uses this header, too: it loads the slots and needs, and writes the changes.
 */
#ifndef ALLOCD_BUS_UNIT_OF_WORK_UNIT_OF_WORK_H
#define ALLOCD_BUS_UNIT_OF_WORK_UNIT_OF_WORK_H

#include "bus/messages/delivery.h"
#include "bus/ports/notifier.h"
#include "bus/unit_of_work/outbox_frame.h"
#include "bus/unit_of_work/speculation.h"
#include "core/base/map.h"
#include "core/journal.h"
#include "core/product.h"

#define WITNESS_SIZE 16

/* ---- what the store loads ---- */

/* A product that a message names, or that owns a batch which a message names. */
struct product_slot {
	const char *sku;
	struct product *product; /* NULL: not loaded, or there is no such product */
	bool loaded;             /* the store has answered */

	/* Its events so far, encoded, and the version of the first one. */
	struct outgoing *outgoing;
	size_t outgoing_count;
	int64_t first_version;
};

/* A batch that a message names by its reference. */
struct batch_slot {
	const char *reference;
	const char *sku; /* of the batch; NULL: there is no batch of that reference */
	bool loaded;
	int32_t lowest_qty; /* the lowest that a command of the unit sets; INT32_MAX: no command sets it */
};

/* A line that a message names.  If a batch holds it, the store loads both. */
struct line_slot {
	const char *sku;
	const char *orderid;
	int32_t qty;
	bool loaded;
};

/* A message id, which may have been spent before. */
struct inbox_slot {
	const char *key; /* the delivery's inbox_key */
	struct inbox_key parts;
	bool loaded;
	bool assumed_new; /* not looked up, see speculation.h */
	bool spent;       /* by a message before this unit, or by an earlier one of it */
	uint64_t digest;  /* of the message that spent it, its name included */
	/* To be written: the outcome with which this unit spent it; OUTCOME_NONE: it did not. */
	enum outcome outcome;
};

/* A dead letter that is replayed, which may have changed meanwhile. */
struct replay_slot {
	const struct delivery *delivery;
	bool loaded;
	bool is_stale; /* an operator replayed or discarded it meanwhile */
};

/*
 * A message of the unit that became a dead letter and whose publisher hears of it: see rejection_event.h.  If
 * it was delivered before, by its entry id, it may be one already.
 */
struct letter_slot {
	const struct delivery *delivery;
	bool loaded;
	bool is_kept; /* its entry is a dead letter already, in the database or in this unit */
};

/* ---- what the store writes ---- */

/* The new state of a row of the read model. */
struct view_change {
	const char *sku;
	const char *orderid;
	int32_t qty;
	const char *batchref; /* NULL: the row is deleted */
	bool is_new;          /* it did not exist before this unit */
	bool changed;         /* always true for what the store sees */
};

/*
 * How far a partition's events are published.  The position is one of that epoch of the database: a later
 * epoch may give it to another row.
 */
struct cursor {
	int partition;
	int64_t position;
	int64_t epoch;
};

struct unit_of_work {
	struct arena *arena;
	struct journal journal;
	struct codec *codec;
	unsigned char witness[WITNESS_SIZE]; /* random; the first row the flush inserts */

	/* LOAD takes row locks and keeps its transaction for the flush; set after repeated conflicts. */
	bool locking;

	/*
	 * A load found a product that an earlier load of this unit did not find.  Lines which that one did
	 * not find may exist, too: the store reports a conflict.
	 */
	bool is_torn;

	bool rejection_events; /* each dead letter raises command_rejected, in the same flush */

	int move_max;     /* the most lines that one step of a shrink moves, for each product */
	int statement_ms; /* the time limit of each statement; 0: the usual one */

	struct speculation speculation;

	/* To be loaded: the slots that are not `loaded`, and the `need` of each loaded product. */
	struct product_slot **products;
	size_t product_count;
	struct batch_slot **batches;
	size_t batch_count;
	struct line_slot **lines;
	size_t line_count;
	struct inbox_slot **inbox;
	size_t inbox_count;
	struct replay_slot **replays;
	size_t replay_count;
	struct letter_slot **letters;
	size_t letter_count;
	struct lease **leases; /* under which the messages were read: checked inside the commit */
	size_t lease_count;
	int64_t now; /* the database's clock, microseconds since 1970; set by load, and by flush on success */
	/*
	 * The database's epoch, which the unit's events bear; 0: not known yet.  The first load sets it, and
	 * the flush of events with another epoch than the database's is a conflict.
	 */
	int64_t epoch;
	/*
	 * The timeline on which the outbox has all that was published, as the publisher found out.  On
	 * another one the flush of events fails with FAILURE_RETRY; "": on none, because no publisher was
	 * asked.
	 */
	char timeline[TIMELINE_SIZE];

	/* To be written, besides the products themselves. */
	struct view_change **views;
	size_t view_count;
	struct outbox_row *outbox;
	size_t outbox_count;
	struct notification *notifications; /* the flush sets their keys */
	size_t notification_count;
	struct delivery **dead; /* dead letters */
	size_t dead_count;
	struct delivery **replayed; /* their dead letters get the outcome, or are deleted */
	size_t replayed_count;
	int64_t *ended; /* keys of the processes whose event has its outcome: their records are deleted */
	size_t ended_count;
	struct cursor *cursors;
	size_t cursor_count;

	/* Private to unit_of_work.c. */
	struct map product_map, batch_map, line_map, inbox_map, view_map, letter_map;
	const struct envelope *cause; /* the message whose events are raised; NULL: between messages */
	struct product *touched;      /* the product of that message */
	const char *defect;           /* why one of its events cannot be written */
};

/* ---- the life of a unit ---- */

/*
 * `move_max`: how many lines one step of a shrink may move.  The caller may set `rejection_events`
 * afterwards, which lasts until the release.
 */
void unit_of_work_init(struct unit_of_work *uow, struct codec *codec, int move_max);
void unit_of_work_release(struct unit_of_work *uow);

/* Empties the unit, and frees everything in its arena. */
void unit_of_work_clear(struct unit_of_work *uow);

/* Keeps, or undoes, the changes of the message that is being handled. */
void unit_of_work_keep_changes(struct unit_of_work *uow);
void unit_of_work_undo_changes(struct unit_of_work *uow);

/*
 * How many entries are dead letters for the first time, as the load said; -1: that is of no interest.  If the
 * flush finds another number, because an entry was handled twice at the same time, it is a conflict.
 */
int64_t unit_of_work_new_letters(const struct unit_of_work *uow);

/* Notes what the delivery's outcome entails: a spent id, or a dead letter. */
void unit_of_work_settle(struct unit_of_work *uow, struct delivery *delivery);

/* All messages are handled: prepares the rows for the flush. */
void unit_of_work_close(struct unit_of_work *uow);

/* ---- what is wanted ---- */

void unit_of_work_want_product(struct unit_of_work *uow, const char *sku);

/* Wants the batch and, if it exists, its product.  `qty`: the quantity that a command sets, or INT32_MAX. */
void unit_of_work_want_batch(struct unit_of_work *uow, const char *reference, int32_t qty);

/* Wants a line that is usually new: a unit that speculates assumes that it is (see speculation.h). */
void unit_of_work_want_line(struct unit_of_work *uow, const struct order_line *line);

/* Wants a line that is usually stored, and its batch: it is looked up in any case. */
void unit_of_work_want_stored_line(struct unit_of_work *uow, const struct order_line *line);

/* Whether anything wanted is not loaded yet. */
bool unit_of_work_needs_load(const struct unit_of_work *uow);

/*
 * If the unit has the product and the product has the batch, the batch need not be loaded, except for its
 * newest lines if the batch is to hold less than is allocated.
 */
void unit_of_work_recall_batch(struct unit_of_work *uow, const char *reference, const char *sku);

/* The slot of the delivery's inbox key; NULL when it has none. */
struct inbox_slot *unit_of_work_want_id(struct unit_of_work *uow, const struct delivery *delivery);

/* Has the delivery's id loaded after all, if it was assumed to be new and not spent in this unit. */
void unit_of_work_look_id_up(struct unit_of_work *uow, const struct delivery *delivery);

/* Notes the lease under which the delivery was read, if there is one. */
void unit_of_work_want_lease(struct unit_of_work *uow, const struct delivery *delivery);

/* The slot of the dead letter that the delivery replays; NULL when it is no replay. */
struct replay_slot *unit_of_work_want_replay(struct unit_of_work *uow, const struct delivery *delivery);

/* ---- what handlers call ---- */

/* The product, or NULL when the load found no such SKU. */
struct product *unit_of_work_product(struct unit_of_work *uow, const char *sku);

/* Creates a product. */
struct product *unit_of_work_new_product(struct unit_of_work *uow, const char *sku);

/* The SKU of the batch with that reference, or NULL when there is no such batch. */
const char *unit_of_work_batch_owner(struct unit_of_work *uow, const char *reference);

/* Records that the batch belongs to that SKU. */
void unit_of_work_own_batch(struct unit_of_work *uow, const char *reference, const char *sku);

/* Updates the read model: the line is in that batch, or NULL: in no batch. */
void unit_of_work_show_line(struct unit_of_work *uow, const struct order_line *line, const char *batchref);

/* Adds the event to the outbox, with its time and cause, and checked against its schema. */
void unit_of_work_publish(struct unit_of_work *uow, struct message *event);

/* The events of the product behind that version, of those that this unit adds to the outbox. */
const struct outgoing *unit_of_work_events_behind(const struct unit_of_work *uow, const char *sku,
						  int64_t version, size_t *count);

/* Adds a notification that the line is out of stock. */
void unit_of_work_notify(struct unit_of_work *uow, const struct order_line *line);

/* ---- what a store calls while it loads ---- */

/*
 * Returns the unit's product of that SKU; creates it, with a copy of `sku`, if the unit lacks it, and sets
 * `is_torn` if an earlier load did not find it.
 */
struct product *unit_of_work_put_product(struct unit_of_work *uow, const char *sku, int64_t key,
					 int64_t version, int64_t revision, int64_t last_row);

/* Sets the owner of the batch with that reference, and returns its slot. */
struct batch_slot *unit_of_work_put_batch_owner(struct unit_of_work *uow, const char *reference,
						const char *sku);

/* Records that a message with that digest has spent the id before. */
void unit_of_work_put_spent(struct inbox_slot *slot, uint64_t digest);

#endif
