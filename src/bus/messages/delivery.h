/*
 * One message on its way through the system: how it came, what it says, what became of it.
 */
#ifndef ALLOCD_BUS_MESSAGES_DELIVERY_H
#define ALLOCD_BUS_MESSAGES_DELIVERY_H

#include "bus/ports/codec.h"
#include "core/verdict.h"

#include <stdbool.h>

enum transport { TRANSPORT_PUBSUB, TRANSPORT_STREAM, TRANSPORT_HTTP };

enum outcome {
	OUTCOME_NONE, /* not known yet */
	OUTCOME_HANDLED,
	OUTCOME_SKIPPED,
	OUTCOME_POSTPONED, /* not taken: what waits for its SKU fills the queue; it comes again */
	OUTCOME_REJECTED,
	OUTCOME_INVALID,
	OUTCOME_FAILED,
};

struct delivery;

/*
 * An operator's new attempt at a dead letter.  Its effect and the advance of its attempts commit together: a
 * dead letter that somebody else replayed or discarded meanwhile is skipped as a duplicate.
 */
struct replay {
	int64_t dead_letter; /* its key */
	int attempts;        /* that were made when it was read */
	const char *who;     /* the operator */
	const char *edits;   /* what he changed: "qty=5", or "" */
};

/* Called exactly once, after the commit of what the message did, and never before engine_submit() returns. */
typedef void delivery_answered(void *context, const struct delivery *delivery);

/*
 * What tells a message from every other one: its CloudEvents source (or "") and its id.  Which command spends
 * the id is kept beside it, and is no part of the key: another command with the same id is no other message.
 * A stream entry without an id has ENTRY_KEY for a command, its stream and the stream's incarnation for a
 * source ("NAME 1"), and its entry id.  That source holds a space and a publisher's never does, for a URI
 * has %20 there: so no publisher's message is taken for an entry.
 */
struct inbox_key {
	const char *message;
	const char *source;
	const char *id;
};

#define ENTRY_KEY "stream entry"

/* A message as it came in.  Everything is copied by whoever takes it. */
struct arrival {
	enum transport way;
	const char *place;    /* channel, stream or path */
	const char *entry_id; /* of a stream entry, else NULL */
	int64_t incarnation;  /* of the entry's stream (see checkpoints.h), else 0 */
	uint64_t pass;        /* over pending entries, that brought it: see postponed.h; 0: it is new, */
	bool pass_follows;    /* and the pass that goes on, if any, has not come to it yet */
	const struct replay *replay; /* or NULL */
	const char *id;              /* a stream entry's own id field, else NULL */
	enum message_type type;      /* that the place or the entry names; MSG_NONE: see `defect` */
	const char *defect;   /* why the message is invalid before its payload was looked at, or NULL */
	struct bytes payload; /* PAYLOAD_MAX at most; */
	size_t payload_size;  /* the true size: more than payload.size when the rest was not kept */
	delivery_answered *answered; /* or NULL */
	void *context;
};

struct delivery {
	struct delivery *next;          /* in whatever queue it is */
	struct delivery *next_creation; /* in the batch index */
	struct arena *arena;            /* holds all of it, itself included */

	enum transport way;
	const char *place;
	const char *entry_id;
	int64_t incarnation;
	uint64_t pass;
	bool pass_follows;
	const struct replay *replay; /* or NULL */
	struct bytes payload;
	size_t payload_size;
	delivery_answered *answered;
	void *context;

	enum message_type type; /* known even when the payload is invalid; MSG_NONE: unknown */
	struct envelope envelope;
	struct inbox_key inbox; /* what handling it spends */
	const char *inbox_key;  /* its source and id in one text; NULL: it has no key */
	size_t footprint;       /* as it was counted when it came in */
	uint64_t digest;
	const char *sku;      /* the command's SKU, or its batch's once that is resolved; else NULL */
	const char *batchref; /* the batch the command names, or NULL */
	bool by_batch;        /* it names its product by the batch alone */
	bool creates_batch;   /* its route says so */
	bool asked;           /* the database was asked for the SKU of its batch */

	enum outcome outcome;
	enum verdict verdict; /* behind handled, skipped and rejected */
	const char *reason;   /* one line; never NULL once there is an outcome */
	bool was_taken;       /* it came to its lane, and was not postponed */
	bool is_held;         /* its SKU is held up: it counts towards their share of the queue */
	bool decided;         /* the outcome stood before any unit of work: there is nothing to handle */
};

/* Copies and decodes.  An invalid message becomes a delivery whose outcome is OUTCOME_INVALID already. */
struct delivery *delivery_new(const struct arrival *arrival, struct codec *codec);
void delivery_free(struct delivery **delivery);

/* A verdict other than NEEDS_MORE as the outcome, with its reason: "invalid sku LAMP". */
void delivery_conclude(struct delivery *delivery, enum verdict verdict);

/* OUTCOME_INVALID or OUTCOME_FAILED; the reason is copied. */
void delivery_refuse(struct delivery *delivery, enum outcome outcome, const char *reason);

/* OUTCOME_POSTPONED. */
void delivery_postpone(struct delivery *delivery);

/* Takes back what a unit of work that was not flushed made of it. */
void delivery_reopen(struct delivery *delivery);

/* Whether it goes to the dead letters: rejected, invalid or failed, and not from somebody who is answered. */
bool delivery_is_dead(const struct delivery *delivery);

/* The SKU whose messages keep their order with it: its own, or "" when it has none. */
const char *delivery_key(const struct delivery *delivery);

/* How many bytes it holds. */
size_t delivery_footprint(const struct delivery *delivery);

const char *outcome_name(enum outcome outcome);
const char *transport_name(enum transport way);

/* Deliveries in the order they came. */
struct delivery_queue {
	struct delivery *first, *last;
	size_t count;
};

/* Frees every delivery in it. */
void delivery_queue_free(struct delivery_queue *queue);

void delivery_queue_push(struct delivery_queue *queue, struct delivery *delivery);
struct delivery *delivery_queue_pop(struct delivery_queue *queue);

/* Moves every delivery of that SKU (see delivery_key()) to the end of `collected`, in its order. */
void delivery_queue_collect(struct delivery_queue *queue, const char *sku, struct delivery_queue *collected);

/* Puts all of `front`, which is left empty, before what is in `queue`. */
void delivery_queue_prepend(struct delivery_queue *queue, struct delivery_queue *front);

#endif
