/*
 * A database in memory, for any number of stores, with the tables and the rules of the real one.
 *
 * A pointer to a row is valid until the database is freed; deleted rows are only marked.  Tests read the rows
 * directly, and inject failures.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_DATABASE_DATABASE_H
#define ALLOCD_ADAPTERS_MEMORY_DATABASE_DATABASE_H

#include "adapters/memory/simulation/simulation.h"
#include "bus/messages/delivery.h"
#include "bus/ports/checkpoints.h"
#include "bus/ports/failure.h"
#include "bus/ports/lease_store.h"
#include "bus/ports/process_store.h"
#include "bus/unit_of_work/unit_of_work.h"
#include "core/partition.h"

struct batch_row {
	const char *reference;
	const char *sku;
	int32_t eta;
	int32_t original_qty;
	int32_t purchased;
	int32_t allocated;
	int64_t changed_at;
	struct batch_row *next; /* of the same product, in order of preference */
};

/* A line is in a batch, displaced, or neither; in the last case the real database has no such row. */
struct line_row {
	const char *sku;
	const char *orderid;
	int32_t qty;
	int64_t version;
	const char *batchref; /* NULL: no batch holds it */
	bool displaced;
	struct line_row *next; /* of the same product */
};

struct shrink_row {
	const char *batchref; /* NULL: the product is not shrinking */
	int32_t target;
	const char *cause;
	const char *traceparent;
};

struct product_row {
	const char *sku;
	int64_t key;
	int64_t version;
	int64_t revision;
	struct shrink_row shrink;
	struct batch_row *batches;
	struct line_row *lines;
};

struct inbox_row {
	const char *key;
	const char *message; /* the message that spent the key */
	const char *id;
	uint64_t digest;
	enum outcome outcome;
	int64_t handled_at;
	/* The number of keys in the inbox when its unit was first loaded (SIZE_MAX: never), and committed. */
	size_t loaded_after, committed_after;
	bool deleted;
};

/* The witness of a unit of work: whether it was inserted by the flush determines the unit's outcome. */
struct witness_row {
	const char *key;
	int64_t at;
	bool committed; /* inserted by the flush; false: by resolve_commit, so the flush cannot commit */
	bool deleted;
};

struct view_row {
	const char *sku;
	const char *orderid;
	int32_t qty;
	const char *batchref; /* NULL: deleted */
};

/* The part of a row's frame that holds events of one product. */
struct stored_outbox_part {
	const char *sku;
	int64_t first_version, last_version;
	size_t begin, size;
};

struct stored_outbox_row {
	struct stored_outbox_part *parts;
	size_t part_count;
	struct bytes frame;
	int64_t committed_at;
};

static inline struct bytes stored_outbox_events(const struct stored_outbox_row *row,
						const struct stored_outbox_part *part)
{
	return (struct bytes){(const unsigned char *)row->frame.data + part->begin, part->size};
}

/* One partition of the outbox; the row of position p is rows[p - 1]. */
struct outbox_partition {
	struct stored_outbox_row *rows;
	size_t count;
	size_t deleted; /* the number of deleted rows, which are the first ones */
	int64_t cursor;
};

struct notification_row {
	int64_t key;
	const char *sku;
	const char *orderid;
	int32_t qty;
	int attempts;
	const char *recipient; /* NULL: all recipients */
	int64_t due_at;
	bool deleted;
};

struct dead_letter_row {
	int64_t key;
	enum outcome outcome;
	const char *reason;
	enum transport transport;
	bool is_mail; /* it is an outgoing mail, so it has no transport */
	const char *origin;
	const char *entry_id; /* or NULL */
	int64_t incarnation;
	enum message_type type;
	const char *source;
	const char *id; /* or NULL */
	struct bytes payload;
	size_t payload_size;
	int attempts;
	int64_t first_at, last_at;
};

/* An operator's attempt to replay a dead letter, and its outcome. */
struct replay_row {
	int64_t dead_letter;
	int attempt;
	const char *who;
	const char *edits;
	enum outcome outcome;
	const char *reason;
	enum message_type type;
	const char *id; /* or NULL */
	int64_t at;
};

/* A process that began and has not ended. */
struct process_row {
	int64_t key;
	const char *event; /* its inbox key in one text */
	bool is_from_stream;
	struct inbox_key inbox;
	enum message_type type;
	uint64_t digest;
	const char *origin;
	struct bytes payload;
	struct order_line *lines;
	size_t line_count;
	int64_t due_at;
	size_t began_after; /* the number of keys in the inbox when it began, */
	int takeovers;      /* and how often another worker took it over: only here, for tests */
	bool deleted;
};

/* What the checkpoints record of a stream. */
struct stream_row {
	struct stream_record record;
	struct stream_id highest; /* the highest id that the stream generated */
	int64_t latest;           /* the latest of the stream's incarnations */
	int64_t marked;           /* the incarnation whose mark was seen on the stream; 0: no mark was seen */
};

struct database_config {
	size_t dead_letters_max;
	int inbox_days;
	int dead_letters_days;
};

/* A text that no flush may write. */
struct refusal {
	const char *text; /* NULL: accepted again */
	enum failure_kind kind;
};

struct database {
	struct simulation *simulation;
	struct database_config config;
	struct arena *arena;
	char incarnation[INCARNATION_SIZE]; /* the current incarnation, */
	int lives;                          /* and the number of incarnations until now: the epoch */
	int timeline;                       /* see unit_of_work.h */
	int64_t ahead_us;                   /* of simulated time is the database's clock */
	int server;                         /* counts its servers: see backup.h */

	struct map products; /* by SKU */
	struct product_row **product_list;
	size_t product_count;
	struct map batches; /* by reference */
	struct map lines;   /* by database_line_key() */
	struct map inbox;   /* by key */
	struct inbox_row **inbox_list;
	size_t inbox_count;
	struct map witnesses; /* by their bytes in hexadecimal */
	struct witness_row **witness_list;
	size_t witness_count;
	struct map views; /* by database_line_key() */
	struct view_row **view_list;
	size_t view_count;
	struct outbox_partition outbox[PARTITIONS];
	struct notification_row **notifications;
	size_t notification_count;
	struct dead_letter_row *dead_letters; /* oldest first */
	size_t dead_letter_count;
	int64_t dead_letters_ever; /* the key of the newest one */
	uint64_t dead_letters_dropped;
	struct replay_row *replays;
	size_t replay_count;
	struct process_row **processes; /* by key, which is one more than the index */
	size_t process_count;
	struct map streams; /* by name */
	struct subscription_gap *blind_windows;
	size_t blind_window_count;
	int64_t heard_until;     /* when some worker last heard pub/sub; 0: never */
	const char *stream_list; /* what is said about the streams: base/stream_plan.h; NULL: nothing */
	struct lease_row *leases;
	size_t lease_count;
	struct worker_row *workers;
	size_t worker_count;

	/* See locks.h and lost.h. */
	struct lock *locks;
	struct lock_waiter *waiters; /* in order of arrival */
	struct lost_flush *lost;

	/* Set by tests; see below. */
	struct refusal *refused;
	size_t refused_count;
	bool down;
	bool broken;
};

struct database *database_new(struct simulation *simulation, const struct database_config *config);

/* The caller frees all stores on the database first.  Accepts NULL in *database and nulls it. */
void database_free(struct database **database);

/* The database's clock, in microseconds since 1970. */
int64_t database_now(const struct database *database);

/* ---- for tests ---- */

/*
 * Until database_accept(), a flush that writes this text as an order id, a batch reference or a message id
 * (including that of a dead letter), or a process of that order, fails with `kind`, or with FAILURE_DATA
 * after database_refuse().
 */
void database_refuse(struct database *database, const char *text);
void database_refuse_as(struct database *database, const char *text, enum failure_kind kind);

/* Returns NULL if the text is not refused. */
struct refusal *database_refusal(const struct database *database, const char *text);
void database_accept(struct database *database, const char *text);

/* Another session locks a product's row; it releases all its locks with database_unlock_products(). */
void database_lock_product(struct database *database, const char *sku);
void database_unlock_products(struct database *database);

/*
 * Begins a new incarnation and a new epoch of the database, as after a restore from a backup.  Unlike the
 * real one, it leaves the events as they are that are not published yet.
 */
void database_renew(struct database *database);

/* A standby is promoted, which has everything: a test takes away what it lacked. */
void database_promote(struct database *database);

/* The database's clock is this far ahead of simulated time from now on; negative: behind. */
void database_set_clock(struct database *database, int64_t ahead_us);

/* While the database is down, every call of every store answers FAILURE_RETRY. */
void database_set_down(struct database *database, bool down);

/* While the database is broken, every flush and every probe answers FAILURE_DATA. */
void database_set_broken(struct database *database, bool broken);

/* ---- what a test sees ---- */

/* Each returns the row, or NULL if there is no such row. */
struct product_row *database_product(const struct database *database, const char *sku);
struct batch_row *database_batch(const struct database *database, const char *reference);
struct line_row *database_line(const struct database *database, const char *sku, const char *orderid,
			       int32_t qty);
struct inbox_row *database_inbox(const struct database *database, const char *key);
struct stream_row *database_stream(const struct database *database, const char *name);
struct lease_row *database_lease(const struct database *database, const char *name);

/* Whether all leases have these terms. */
bool database_has_leases(const struct database *database, const struct lease_row *leases, size_t count);

struct view_row *database_view(const struct database *database, const char *sku, const char *orderid,
			       int32_t qty);

/* These ask about a batch that exists; the owner is its SKU. */
int32_t database_purchased(const struct database *database, const char *reference);
int32_t database_allocated(const struct database *database, const char *reference);
const char *database_owner_of_batch(const struct database *database, const char *reference);

/* These ask about a product that exists. */
int64_t database_version(const struct database *database, const char *sku);
int64_t database_revision(const struct database *database, const char *sku);

/* Returns NULL if the dead letter was removed. */
struct dead_letter_row *database_dead_letter(const struct database *database, int64_t key);

/* Whether both are of the same stream entry, and the dead letter of the same entry, or NULL. */
bool database_is_same_entry(const struct dead_letter_row *one, const struct dead_letter_row *other);
struct dead_letter_row *database_find_entry(const struct database *database,
					    const struct dead_letter_row *letter);

/* Whether the dead letter was replayed or discarded since it was read; `replay` may be NULL. */
bool database_is_stale(const struct database *database, const struct replay *replay);

size_t database_inbox_count(const struct database *database);
size_t database_notification_count(const struct database *database);
size_t database_process_count(const struct database *database);

/* Returns NULL if all invariants hold; otherwise a description of the violated one, in `arena`. */
const char *database_fault(const struct database *database, struct arena *arena);

/* ---- for what works on the rows ---- */

/* Joins SKU, order id and quantity into one key. */
const char *database_line_key(struct arena *arena, const char *sku, const char *orderid, int32_t qty);
const char *database_witness_key(struct arena *arena, const unsigned char *witness);

void database_insert_witness(struct database *database, const char *key, bool committed);

/* Moves the cursor forward, never back, unless it is of another epoch. */
void database_move_cursor(struct database *database, const struct cursor *cursor);

/*
 * Adds a copy of the dead letter with a key and times.  If the same stream entry already has a dead letter,
 * that one is updated instead: its attempts increase by one, and it gets the new outcome.
 */
void database_add_dead_letter(struct database *database, const struct dead_letter_row *letter);

/*
 * Drops dead letters until no more than the limit are left: first the oldest rejected and invalid ones, then
 * the oldest failed ones.
 */
void database_cap_dead_letters(struct database *database);

/* Records the attempt and removes its dead letter, or updates the dead letter if the attempt failed. */
void database_replay(struct database *database, const struct replay_row *replay);

#endif
