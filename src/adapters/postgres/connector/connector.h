/*
 * Connects to the first server that will do: of each host of the connection string each address, one after
 * the other, as libpq does, but without ever stopping the loop, and with a limit to every wait.
 *
 * connect_timeout counts for each address, from the first packet until the server has let us in.  A name is
 * looked up in a thread, anew each time, for at most CONNECTOR_LOOK_UP_MS.  A session is handed on once no
 * timeout that is set for the database or the role can end it before its user has settings of its own; with
 * url->pooled that is its user's business, for each transaction.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_CONNECTOR_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_CONNECTOR_H

#include "adapters/postgres/connection/pg_error.h"
#include "adapters/postgres/connector/known_servers.h"
#include "adapters/system/url_source.h"

#include <event2/event.h>
#include <libpq-fe.h>
#include <stdbool.h>

/* The system asks its second name server after 5 s. */
#define CONNECTOR_LOOK_UP_MS 6000

struct connector;

struct connector_config {
	struct event_base *base;
	const struct url_source *url;  /* read once, when the connector begins */
	struct known_servers *servers; /* its suspects are tried last; NULL: none */
	bool reads;                    /* where no server takes writes, one that does not will do */
	bool is_dry_run;               /* the session serves a dry run */
};

/*
 * Called once, from the event loop, after the connector freed itself.  `pg` belongs to the callee, is
 * blocking and idle, and `key` names its server (see known_servers.h).  Or `pg` is NULL and `trouble` gives
 * the reason for each address; its kind is FAILURE_FATAL where only an operator can help.
 */
typedef void connector_done(void *context, PGconn *pg, const char *key, const struct pg_error *trouble);

struct connector *connector_start(const struct connector_config *config, connector_done *done, void *context);

/* What is wrong so far, and what it waits for now. */
void connector_describe(const struct connector *connector, struct pg_error *trouble);

/* `done` is not called any more.  Accepts NULL in *connector and nulls it. */
void connector_cancel(struct connector **connector);

#endif
