/*
 * Finds out whether a pooler lends the server's sessions for one transaction only.  PgBouncer tells its
 * pool_mode to administrators alone.
 *
 * While a second connection, the rival, holds a transaction open, the first one is asked which process of the
 * server answers it.  In a session of its own that is always the same process, and never the rival's.  A
 * quiet pool lends the rival the session that the first one has just returned, and in a busy pool the first
 * one changes its session.  The trial changes nothing that could outlive it.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_POOLER_TRIAL_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_POOLER_TRIAL_H

#include <event2/event.h>
#include <libpq-fe.h>
#include <stdbool.h>

/* The error where it does, and ALLOCD_POOLED is off. */
#define POOLS_TRANSACTIONS_TEXT                                                                               \
	"a pooler lends each session for one transaction only, as PgBouncer does with pool_mode=transaction:" \
	" set ALLOCD_POOLED=on, or let it lend sessions as a whole (pool_mode=session)"

/* It ends within about that time. */
#define POOLER_TRIAL_MS 2000

enum pooling {
	POOLS_SESSIONS,     /* or it could not be told, for the rival was not let in */
	POOLS_TRANSACTIONS, /* or statements */
	POOLING_LOST,       /* the first connection broke */
};

struct pooler_trial;

/* Called once, from the event loop, after the trial freed itself. */
typedef void pooler_trial_done(void *context, enum pooling pooling);

/*
 * `pg` is blocking and idle, was answered by process `backend` last, and is the trial's until it is over.
 * `rival` is a connection to the same place that has only begun; the trial closes it.
 */
struct pooler_trial *pooler_trial_start(struct event_base *base, PGconn *pg, int backend, PGconn *rival,
					pooler_trial_done *done, void *context);

/* `done` is not called any more.  Accepts NULL in *trial and nulls it. */
void pooler_trial_cancel(struct pooler_trial **trial);

#endif
