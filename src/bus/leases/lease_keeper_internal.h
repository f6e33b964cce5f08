/* What the files of the keeper share: its rounds (lease_keeper.c), and each of its leases (leased.c). */
#ifndef ALLOCD_BUS_LEASES_LEASE_KEEPER_INTERNAL_H
#define ALLOCD_BUS_LEASES_LEASE_KEEPER_INTERNAL_H

#include "bus/leases/lease_keeper.h"
#include "bus/leases/stream_gate.h"
#include "bus/leases/workers_alive.h"

/* The next roll is read sooner while another worker is to hand a lease over to this one. */
#define LEASE_SOON_MS 100

enum leased_state {
	LEASED_ELSEWHERE, /* until this worker is to have the lease, and none alive has it */
	LEASED_ENDING,    /* for what the last holder may still be doing to be ended */
	LEASED_TAKING,    /* for the store */
	LEASED_HELD,      /* until it is lost, or another worker is to have it */
	LEASED_NOTING,    /* for the store: the changed note */
	LEASED_STOPPING,  /* for the work to be idle */
	LEASED_GIVING,    /* for the store */
};

struct leased {
	struct leased *next;
	struct lease_keeper *keeper;
	char *name;
	const struct leased_ops *ops;
	void *it;

	enum leased_state state;
	struct lease *lease; /* NULL: elsewhere */
	bool is_unknown; /* while taking: the store failed, and the next roll shows whether it was taken */
	bool is_working; /* `begin` was called, and `stop` was not */
	char *noted;     /* in the lease, by this worker */
	bool is_noted;   /* false: the store failed, and it may not be in the lease */
	char *last_term, *last_note; /* of the lease, until it is taken */
	char *own_term;              /* under which this worker began to work last */
	bool is_resumed;             /* and no other worker had the lease between that and now */
	bool changed;                /* the answer of the store */
	bool is_unable;              /* to do the work, since this time */
	int64_t unable_ms;
	bool is_busy; /* a unit that is being committed keeps the lease, since this time */
	int64_t busy_ms;
	int64_t stop_ms;        /* when the work was stopped */
	bool is_elsewhere;      /* as of the last roll, another worker that is alive has it, */
	bool is_wanted;         /* or is to have it, */
	bool has_rival;         /* or is a candidate, */
	bool holder_could_have; /* and the one that has it is one */
	bool has_moved; /* another worker had it, or this one was to hand it over, last at this time */
	int64_t moved_ms;
	bool was_lost;      /* and was not seen with another worker since */
	bool was_elsewhere; /* as of any roll, another worker had it that beat since this one started */
};

struct lease_keeper {
	struct lease_keeper_ports ports;
	char *name;
	char id[LEASE_UUID_SIZE];
	struct leased *first, **end;
	size_t count;
	uint64_t losses;
	struct arena *names;   /* holds the next two */
	const char **messages; /* that this worker knows, */
	size_t message_count;
	struct arena *known_names; /* and that others know which were alive at the last roll */
	const char **known;
	size_t known_count;
	struct stream_gate gate;
	struct timer *beat_timer, *look_timer;

	struct arena *arena; /* of the round */
	struct lease_roll roll;
	uint64_t beats, roll_number; /* that were begun; of which one the last roll is */
	int64_t beat_ms, rolled_ms;  /* when each of the two was begun */
	struct worker_row self;
	struct workers_alive alive;
	bool is_started, is_beating, is_failing;
	bool is_due; /* another beat became due while one was under way */
	bool is_stopping, is_leaving, has_left;
};

static inline int64_t keeper_now_ms(const struct lease_keeper *keeper)
{
	return keeper->ports.clock->ops->now_ms(keeper->ports.clock);
}

static inline void keeper_set_timer(struct lease_keeper *keeper, struct timer *timer, int64_t delay_ms)
{
	keeper->ports.clock->ops->timer_set(timer, delay_ms);
}

/* ---- lease_keeper.c ---- */

/* Acts on what depends on no roll: notes, idle work, and leases that are known to be lost. */
void keeper_look(struct lease_keeper *keeper);

/* ---- leased.c ---- */

/* Takes the lease, which no worker alive has; `note` is that of its work now. */
void leased_take(struct leased *leased, const struct lease_row *row, const char *note);

/* Whether the note says how far the work is: see leased_ops.end. */
static inline bool leased_notes_progress(const struct leased *leased)
{
	return !leased->ops->end;
}

/* The lease is this worker's: the work begins, or continues, once its note is in the lease. */
void leased_hold(struct leased *leased);

/* Stops the work, so that the lease can be handed over. */
void leased_begin_to_stop(struct leased *leased);

/* Another worker has the lease, or is to have it: notes when. */
void leased_moves(struct leased *leased);

/* Remembers the lease as the last roll shows it, while this worker does not have it. */
void leased_see(struct leased *leased, const struct lease_row *row);

/* Hands the lease over with a new term, so that nothing is committed any more under the old one. */
void leased_give(struct leased *leased, const char *old_term, const char *note);

/* The lease is not this worker's any more: what is not committed yet never is.  The second one logs it. */
void leased_be_without(struct leased *leased);
void leased_lose(struct leased *leased);

/* Frees it, without calling its work. */
void leased_free(struct leased *leased);

#endif
