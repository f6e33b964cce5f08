/*
 * Detects whether a pooler lends the server's sessions for one transaction only, because PgBouncer reveals
 * its pool_mode only to administrators.
 *
 * While a second connection, the rival, holds a transaction open, the first one asks which server process
 * serves it.  In a session of its own that is always the same process and never the rival's.  Otherwise a
 * quiet pool lends the rival the session that the first one has just returned, and a busy pool gives the
 * first one another session.  The trial changes nothing that could outlive it.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_POOLER_TRIAL_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_POOLER_TRIAL_H

#include <event2/event.h>
#include <libpq-fe.h>
#include <stdbool.h>

/* The error for such a pooler while ALLOCD_POOLED is off. */
#define POOLS_TRANSACTIONS_TEXT                                                                               \
	"a pooler lends each session for one transaction only, as PgBouncer does with pool_mode=transaction:" \
	" set ALLOCD_POOLED=on, or let it lend sessions as a whole (pool_mode=session)"

/* A trial ends within about this time. */
#define POOLER_TRIAL_MS 2000

enum pooling {
	POOLS_SESSIONS,     /* or unknown, because the rival was not admitted */
	POOLS_TRANSACTIONS, /* or statements */
	POOLING_LOST,       /* the first connection broke */
};

struct pooler_trial;

/* Called once, from the event loop, after the trial freed itself. */
typedef void pooler_trial_done(void *context, enum pooling pooling);

/*
 * `pg` is blocking and idle, was last served by process `backend`, and belongs to the trial until it ends.
 * `rival` is a connection to the same address that has just been started; the trial closes it.
 */
struct pooler_trial *pooler_trial_start(struct event_base *base, PGconn *pg, int backend, PGconn *rival,
					pooler_trial_done *done, void *context);

/* From now on `done` is not called. Accepts NULL in *trial and nulls it. */
void pooler_trial_cancel(struct pooler_trial **trial);

#endif
