/* What the files of the leased subscription share, with those of its takeovers (subscription_takeover.c). */
#ifndef ALLOCD_BUS_SUBSCRIPTION_LEASED_SUBSCRIPTION_INTERNAL_H
#define ALLOCD_BUS_SUBSCRIPTION_LEASED_SUBSCRIPTION_INTERNAL_H

#include "bus/subscription/heard_messages.h"
#include "bus/subscription/leased_subscription.h"

#define SUBSCRIPTION_TRY_AGAIN_MS 50

/* The length of the beginning of the server's run id that is in the name of a section. */
#define RUN_ID_SIZE 8

enum subscription_state {
	LISTENING, /* until the lease is this worker's */
	PLACING,   /* for messages under an earlier lease, and perhaps for a marker: where does it begin? */
	FINDING,   /* for the store: which messages are dead letters? */
	HANDLING,
	FINISHING, /* for the marker up to which it still handles what it hears, and for outcomes */
};

struct leased_subscription {
	struct subscription_ports ports;
	struct subscription_stats stats;
	struct heard_messages heard;
	struct heard_message *next; /* the first one that is not submitted; not while listening */
	char *channels[MSG_TYPES];  /* their names; NULL: nothing was heard on it yet */
	char run_id[RUN_ID_SIZE + 1];
	bool is_up, is_paused, is_closed; /* the last one: it does not read what is published */
	bool is_partial;    /* it does not know all that was published: see PARTIAL_HOLDER_MS, */
	int64_t up_ms;      /* and has heard it since this time; INT64_MAX: it does not hear */
	int64_t company_ms; /* when another worker was alive last */
	int64_t had_ms;     /* when a worker had the lease last, another one or this one */

	enum subscription_state state;
	struct lease *lease;            /* NULL: while listening */
	char *from;                     /* the note of the last holder */
	int64_t placing_ms;             /* since when it has had the lease and no outcome was missing */
	char awaited[SECTION_NAME_MAX]; /* marker that was published by this worker; "": none, */
	int64_t awaited_ms;             /* and when */
	bool is_behind;                 /* what the last holder handled or rejected may be heard yet */
	bool is_limited;                /* what is heard from now on is left to the next holder */
	bool must_clear; /* a message has no name, so the note must not name a section when it is handled */
	size_t unanswered;
	bool is_asking; /* the store, */
	bool is_stale;  /* and under an earlier lease */
	bool *found;
	struct arena *arena; /* of the question */
	struct arena *names; /* of one message */
	struct timer *timer;
};

static inline int64_t subscription_now_ms(const struct leased_subscription *it)
{
	return it->ports.clock->ops->now_ms(it->ports.clock);
}

static inline void subscription_try_again(struct leased_subscription *it)
{
	it->ports.clock->ops->timer_set(it->timer, SUBSCRIPTION_TRY_AGAIN_MS);
}

static inline void subscription_remove(struct leased_subscription *it, struct heard_message *message)
{
	if (it->next == message)
		it->next = message->next;
	heard_remove(&it->heard, message);
}

/* ---- leased_subscription.c ---- */

/* Continues with the next step of its state. */
void subscription_advance(struct leased_subscription *it);

/* ---- subscription_takeover.c ---- */

/* Finds out where to begin. */
void subscription_place(struct leased_subscription *it);

/* The marker was heard that this worker published to find out. */
void subscription_marker_heard(struct leased_subscription *it);

/* Publishes a marker, unless one was published a moment ago and not heard yet; and advances soon. */
void subscription_await_marker(struct leased_subscription *it);

/* Asks the store which messages are dead letters. */
void subscription_find_dead(struct leased_subscription *it);

#endif
