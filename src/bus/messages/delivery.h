/*
 * A delivery: one message from its arrival to its outcome.
 */
#ifndef ALLOCD_BUS_MESSAGES_DELIVERY_H
#define ALLOCD_BUS_MESSAGES_DELIVERY_H

#include "bus/base/stream_list.h"
#include "bus/ports/codec.h"
#include "core/verdict.h"

#include <stdbool.h>

/* TRANSPORT_PROCESS is that of the commands which an external event becomes: see process/processes.h. */
enum transport { TRANSPORT_PUBSUB, TRANSPORT_STREAM, TRANSPORT_HTTP, TRANSPORT_PROCESS, TRANSPORTS };

enum outcome {
	OUTCOME_NONE, /* not known yet */
	OUTCOME_HANDLED,
	OUTCOME_SKIPPED,
	OUTCOME_POSTPONED, /* not accepted: messages of SKUs that are held up fill the queue; read again */
	OUTCOME_FORWARDED, /* the reader of its stream adds it to another one */
	OUTCOME_REJECTED,
	OUTCOME_INVALID,
	OUTCOME_FAILED,
};

/* Why a message is invalid or failed, where its outcome alone does not say it. */
enum refusal_cause { CAUSE_USUAL, CAUSE_FROM_THE_FUTURE, CAUSE_DAMAGED_ROWS };

struct delivery;
struct lease;
struct raised_events;

/*
 * An operator's replay of a dead letter.  Its effect and its count of attempts are committed together.  If
 * another operator replayed or discarded the dead letter meanwhile, the replay is skipped as a duplicate.
 */
struct replay {
	int64_t dead_letter; /* its key */
	int attempts;        /* made when the dead letter was read */
	const char *who;     /* the operator */
	const char *edits;   /* the fields that were changed: "qty=5", or "" */
};

/*
 * Called exactly once, after the commit of the message's effect, and never before engine_submit() returns.
 * An external event over HTTP is answered after the commit that records it.
 */
typedef void delivery_answered(void *context, const struct delivery *delivery);

/*
 * Identifies a message: by its CloudEvents source (or "") and its id.  The command that spends the id is
 * recorded beside the key and is not part of it, so that an id reused by another command is noticed.  A
 * stream entry without an id has ENTRY_KEY as its command, its stream and that stream's incarnation as its
 * source ("NAME 1"), and its entry id.  Such a source contains a space and a publisher's never does, because
 * a URI has %20 instead: so no publisher's message is mistaken for an entry, nor for a command of a process
 * ("process KEY", and the number of its line).  A pub/sub message without an id has such a key, too, if all
 * workers that hear it know it by one name: see subscription/heard_messages.h.
 */
struct inbox_key {
	const char *message;
	const char *source;
	const char *id;
};

#define ENTRY_KEY      "stream entry"
#define PUBSUB_KEY     "pubsub message"
#define PROCESS_SOURCE "process " /* before the process's key */
#define PART_SOURCE    "part of " /* before the source of an event, on all of its streams but the last one */

/* A message as it arrived.  The engine copies everything. */
struct arrival {
	enum transport transport;
	const char *origin;   /* channel, stream or path */
	const char *entry_id; /* of a stream entry; the shared name of a pub/sub message; or NULL */
	int64_t incarnation;  /* of the entry's stream (see checkpoints.h), else 0 */
	int64_t added_us; /* when the entry was added, by Redis' clock, in microseconds since 1970; else 0 */
	struct lease *lease;              /* under which it was read, or NULL */
	const struct stream_route *route; /* outlives the delivery; NULL: there is one stream only */
	const char *first_origin;         /* see delivery_origin(); NULL: it was not forwarded */
	uint64_t pass;               /* over pending entries that read it, see postponed.h; 0: a new entry */
	bool pass_follows;           /* the current pass, if any, will still reach the entry */
	const struct replay *replay; /* or NULL */
	const struct inbox_key *key; /* of an event whose process is taken over; NULL: the message's own */
	const char *id;              /* the `id` field of a stream entry, else NULL */
	const char *traceparent;     /* the field of an entry, or the header of a request; or NULL */
	bool is_unsampled;           /* its request is not sampled: without a parent it begins no trace */
	enum message_type type;      /* named by the channel, path or entry; MSG_NONE: see `defect` */
	const char *defect;          /* why it is invalid without reading its payload, or NULL */
	struct bytes payload;        /* PAYLOAD_MAX bytes at most */
	size_t payload_size; /* its true size, which is more than payload.size when the rest was dropped */
	bool wants_events;   /* its sender wants the events that it raises: see delivery.raised */
	delivery_answered *answered; /* or NULL */
	void *context;
};

struct entry_place {
	const char *origin;
	int64_t incarnation;
	const char *entry_id;
};

/* What each step reads comes first, so that a unit's deliveries take few lines of the processor's caches. */
struct delivery {
	struct delivery *next; /* in its queue */
	struct delivery *older,
		*newer; /* of all that are queued or in flight, in the order of their arrival */

	enum outcome outcome;
	enum verdict verdict;   /* what made it handled, skipped or rejected */
	enum message_type type; /* known even when the payload is invalid; MSG_NONE: unknown */
	enum transport transport;
	bool by_batch;      /* the command names a batch and no SKU */
	bool creates_batch; /* as its route says, like the next two */
	bool may_allocate;  /* its line is new, as a rule */
	bool is_event;      /* an external event, which begins a process */
	bool asked;         /* the database was asked for the SKU of its batch */
	bool has_begun;     /* the database was asked to begin its process */
	bool was_answered;  /* its caller over HTTP was answered before it ended */
	bool was_accepted;  /* its lane accepted it at least once */
	bool is_held;       /* its SKU is held up: it counts towards their share of the queue */
	bool is_lost;       /* the database refused its dead letter */
	bool decided;       /* its outcome is fixed before any unit of work, so it is not handled */

	const char *sku;             /* of the command, or of its batch once that is resolved; else NULL */
	struct lease *lease;         /* it keeps it until it is freed; NULL: none */
	const struct replay *replay; /* or NULL */
	struct process *part_of;     /* the process that the command is part of, or NULL, */
	struct delivery *event;      /* and its event, which causes the command's events */
	int64_t process_key;         /* of `process`, or 0 */
	const struct stream_route *route;
	const char *inbox_key; /* its source and id in one text; NULL: the message has no key */
	uint64_t digest;
	struct raised_events *raised; /* see raised_events.h; NULL: the sender wants no events */
	struct span *span;            /* of the message, if it is sampled; or NULL */
	delivery_answered *answered;
	void *context;
	int64_t received_us;  /* by the engine's clock */
	int64_t published_us; /* since 1970, as its envelope or its stream says; NO_INSTANT: unknown */
	size_t footprint;     /* its bytes, as counted when it was queued */
	struct arena *arena;  /* owns the delivery and everything in it */
	struct delivery **link_of_order; /* in the line index: what points to the delivery there, or NULL */
	struct delivery *next_of_order;

	struct envelope envelope;
	struct inbox_key inbox; /* spent when the message is handled */

	const char *reason; /* one line; not NULL once there is an outcome */
	enum refusal_cause cause;
	const char *batchref; /* the batch the command names, or NULL */
	const char *origin;
	const char *entry_id;
	int64_t incarnation;
	struct entry_place first;      /* before it was forwarded; else its own */
	struct stream_journey journey; /* of a delivery with a route */
	uint64_t pass;
	bool pass_follows;
	struct bytes payload;
	size_t payload_size;
	uint64_t number;                /* in the order of arrival */
	struct process *process;        /* that the event began, or NULL */
	struct delivery *next_creation; /* in the batch index */
};

/* Copies and decodes the message.  If it is invalid, the delivery has the outcome OUTCOME_INVALID already. */
struct delivery *delivery_new(const struct arrival *arrival, struct codec *codec);
void delivery_free(struct delivery **delivery);

/* A command of the process that `event` began: the event outlives it, and has its texts. */
struct delivery *delivery_new_part(struct delivery *event, const struct message *command);

/* The lease under which the delivery, or the event that it is part of, was read; or NULL. */
struct lease *delivery_lease(const struct delivery *delivery);

/* Whether that is lost: the delivery is to be given back, because the next holder handles it. */
bool delivery_lost_lease(const struct delivery *delivery);

/* Sets the key by which the inbox knows the message. */
void delivery_set_key(struct delivery *delivery, const struct inbox_key *key);

/* Sets outcome and reason ("invalid sku LAMP") from a verdict other than NEEDS_MORE. */
void delivery_conclude(struct delivery *delivery, enum verdict verdict);

/* Sets OUTCOME_INVALID or OUTCOME_FAILED; the reason is copied. */
void delivery_refuse(struct delivery *delivery, enum outcome outcome, const char *reason);

/* The same for good: no unit of work handles the delivery any more. */
void delivery_decide(struct delivery *delivery, enum outcome outcome, const char *reason);

/*
 * What an entry that is forwarded bears: on how many streams it has been, how many its journey has, and its
 * first entry, by which the inbox knows a message without an id: "1/8 1700000000000-0 1 allocd:commands3".
 */
const char *delivery_origin(const struct delivery *delivery, struct arena *arena);

/* Whether there are streams of its journey on which the delivery has not been. */
bool delivery_has_further_streams(const struct delivery *delivery);

/*
 * What the key of the event's part on its stream has behind the id: " on allocd:commands3 of 8"; "": an event
 * without parts.  It names the division, because parts of two journeys of different lengths are different.
 */
const char *delivery_part(const struct delivery *event);

/* Whether that SKU has another stream of the range than the one by which the delivery came. */
bool delivery_is_elsewhere(const struct delivery *delivery, const char *sku);

/* Whether the delivery has left the stream of its SKU, on which its batch was not known yet. */
bool delivery_came_too_early(const struct delivery *delivery);

/* Sets OUTCOME_FORWARDED: it goes to the next stream of the range. */
void delivery_forward(struct delivery *delivery);

/*
 * Whether the delivery, an event, is done here and has further streams to visit.  It concerns all SKUs, so it
 * visits one stream after another; on each it has a key of its own, and only the last one spends its id.
 */
bool delivery_goes_on(const struct delivery *delivery);

/* Sets OUTCOME_POSTPONED. */
void delivery_postpone(struct delivery *delivery);

/* Resets the outcome from a unit of work that was not flushed. */
void delivery_reopen(struct delivery *delivery);

/* Whether the delivery becomes a dead letter: rejected, invalid or failed, and its sender gets no answer. */
bool delivery_is_dead(const struct delivery *delivery);

/* The SKU within which messages keep their order; "" for a delivery without one. */
const char *delivery_key(const struct delivery *delivery);

/* Returns the bytes of memory that the delivery uses. */
size_t delivery_footprint(const struct delivery *delivery);

const char *outcome_name(enum outcome outcome);

/* Whether it was handled or skipped: its id is spent, and a dead letter that it replays is deleted. */
bool outcome_is_done(enum outcome outcome);

const char *transport_name(enum transport transport);

/* Deliveries, first in first out. */
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

/* Puts all of `front`, which is left empty, before the deliveries in `queue`. */
void delivery_queue_prepend(struct delivery_queue *queue, struct delivery_queue *front);

#endif
