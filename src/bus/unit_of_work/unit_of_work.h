/*
 * The unit of work: a few messages that are handled together and committed in one transaction.
 *
 * Its life: what its messages need is noted; the store loads it; the messages are handled one by one in
 * memory, each atomic; the store flushes what came of it; then it is thrown away as a whole.  It is never
 * half done: a unit that could not be flushed is cleared and built again.
 *
 * This header is also what a store sees: what to load (the slots and needs), and what to write (the changes).
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

/* ---- what the store is to load ---- */

/* A product that is named, or that turned out to own a batch that is named. */
struct product_slot {
	const char *sku;
	struct product *product; /* NULL: not loaded, or there is none */
	bool loaded;             /* asked for and answered */

	/* Its events so far, encoded; the first one's version. */
	struct outgoing *outgoing;
	size_t outgoing_count;
	int64_t first_version;
};

/* A batch that is named by reference, and the SKU it belongs to. */
struct batch_slot {
	const char *reference;
	const char *sku; /* of the batch that has this reference; NULL: there is none */
	bool loaded;
	int32_t lowest_qty; /* the smallest quantity that a command sets it to; INT32_MAX: none does */
};

/* A line that is to be allocated: is it already? */
struct line_slot {
	const char *sku;
	const char *orderid;
	int32_t qty;
	bool loaded;
};

/* A message id: was it spent before? */
struct inbox_slot {
	const char *key; /* the delivery's inbox_key */
	struct inbox_key parts;
	bool loaded;
	bool assumed_new; /* not looked up, see speculation.h */
	bool spent;       /* before this unit, or by an earlier message of it */
	uint64_t digest;  /* of the message that spent it, its name included */
	/* To be written: the outcome with which this unit spent it; OUTCOME_NONE: it did not. */
	enum outcome outcome;
};

/* A dead letter that is replayed: is it as it was? */
struct replay_slot {
	const struct delivery *delivery;
	bool loaded;
	bool is_stale; /* somebody replayed or discarded it meanwhile */
};

/* ---- what the store is to write ---- */

/* A row of the read model, as it is to be. */
struct view_change {
	const char *sku;
	const char *orderid;
	int32_t qty;
	const char *batchref; /* NULL: the row goes */
	bool is_new;          /* it was not there before this unit */
	bool changed;         /* always true for what the store sees */
};

/* How far a partition's events were published. */
struct cursor {
	int partition;
	int64_t position;
};

struct unit_of_work {
	struct arena *arena;
	struct journal journal;
	struct codec *codec;
	unsigned char witness[WITNESS_SIZE]; /* random; the first row the flush inserts */

	/*
	 * Whether LOAD takes row locks and keeps its transaction for the flush: set after repeated conflicts.
	 */
	bool locking;

	int move_max;     /* lines that one step of a shrink moves at most, of each of its products */
	int statement_ms; /* that each of its statements may take; 0: as long as usual */

	struct speculation speculation;

	/* To load: the slots that are not `loaded`, and what the `need` of each loaded product asks for. */
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
	int64_t now; /* the database's clock, microseconds since 1970; set by load, and by flush on success */

	/* To write, besides the products themselves. */
	struct view_change **views;
	size_t view_count;
	struct outbox_row *outbox;
	size_t outbox_count;
	struct notification *notifications; /* the flush sets their keys */
	size_t notification_count;
	struct delivery **dead; /* dead letters */
	size_t dead_count;
	struct delivery **replayed; /* whose outcome its dead letter gets: handled or skipped, it goes */
	size_t replayed_count;
	struct cursor *cursors;
	size_t cursor_count;

	/* Private to unit_of_work.c. */
	struct map product_map, batch_map, line_map, inbox_map, view_map;
	const struct envelope *cause; /* the message whose events are raised; NULL: a shrink that goes on */
	struct product *touched;      /* the product it is about */
	const char *defect;           /* why one of its events cannot be written */
};

/* ---- its life, as the engine leads it ---- */

/* `move_max`: how many lines one step of a shrink may move. */
void unit_of_work_init(struct unit_of_work *uow, struct codec *codec, int move_max);
void unit_of_work_release(struct unit_of_work *uow);

/* Empties it; nothing that came from its arena may be used any more. */
void unit_of_work_clear(struct unit_of_work *uow);

/* What it says about the message that is handled stands, or is undone. */
void unit_of_work_keep_changes(struct unit_of_work *uow);
void unit_of_work_undo_changes(struct unit_of_work *uow);

/* The delivery's outcome is known: notes a spent id, or a dead letter. */
void unit_of_work_settle(struct unit_of_work *uow, struct delivery *delivery);

/* Everything is handled: turns what happened into rows for the flush. */
void unit_of_work_close(struct unit_of_work *uow);

/* ---- what is to be loaded ---- */

void unit_of_work_want_product(struct unit_of_work *uow, const char *sku);

/* The batch and, when there is one, its product. `qty`: what it is to be set to, or INT32_MAX. */
void unit_of_work_want_batch(struct unit_of_work *uow, const char *reference, int32_t qty);

void unit_of_work_want_line(struct unit_of_work *uow, const struct order_line *line);

/* Whether there is anything that a load would bring. */
bool unit_of_work_needs_load(const struct unit_of_work *uow);

/*
 * The batch is known if its product is known, and the product has it: then only its newest lines are to be
 * loaded, and only if it is to hold less than it does.
 */
void unit_of_work_recall_batch(struct unit_of_work *uow, const char *reference, const char *sku);

/* The slot of the delivery's inbox key; NULL when it has none. */
struct inbox_slot *unit_of_work_want_id(struct unit_of_work *uow, const struct delivery *delivery);

/* The delivery's id, if it was assumed to be new and not spent in this unit, is to be loaded after all. */
void unit_of_work_look_id_up(struct unit_of_work *uow, const struct delivery *delivery);

/* The slot of the dead letter that the delivery replays; NULL when it is no replay. */
struct replay_slot *unit_of_work_want_replay(struct unit_of_work *uow, const struct delivery *delivery);

/* ---- what handlers see ---- */

/* The product, or NULL when there is no such SKU (which the load has shown). */
struct product *unit_of_work_product(struct unit_of_work *uow, const char *sku);

/* A product that begins to be. */
struct product *unit_of_work_new_product(struct unit_of_work *uow, const char *sku);

/* The SKU of the batch with that reference, or NULL when there is none. */
const char *unit_of_work_batch_owner(struct unit_of_work *uow, const char *reference);

/* The reference belongs to that SKU from now on. */
void unit_of_work_own_batch(struct unit_of_work *uow, const char *reference, const char *sku);

/* The read model is to show the line in that batch; NULL: nowhere. */
void unit_of_work_show_line(struct unit_of_work *uow, const struct order_line *line, const char *batchref);

/* The event goes to the outbox, stamped and checked. */
void unit_of_work_publish(struct unit_of_work *uow, struct message *event);

/* Somebody is to be told that the line is out of stock. */
void unit_of_work_notify(struct unit_of_work *uow, const struct order_line *line);

/* ---- what a store fills in ---- */

/* The unit's product of that SKU, made when it is not there yet.  `sku` is copied when it is new. */
struct product *unit_of_work_put_product(struct unit_of_work *uow, const char *sku, int64_t key,
					 int64_t version, int64_t revision);

/* The slot of that reference, which gets its owner. */
struct batch_slot *unit_of_work_put_batch_owner(struct unit_of_work *uow, const char *reference,
						const char *sku);

/* The message id of that slot was spent earlier by a message with that digest. */
void unit_of_work_put_spent(struct inbox_slot *slot, uint64_t digest);

#endif
