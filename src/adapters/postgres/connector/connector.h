/*
 * Connects to the first suitable server.  It tries each address of each host in the connection string in
 * turn, as libpq does, but never blocks the event loop and limits every wait.
 *
 * connect_timeout applies to each address, from the first packet until the server has authenticated us.  A
 * name is looked up in a thread, anew for each connector, for at most CONNECTOR_LOOK_UP_MS.  The session is
 * handed over once no timeout of the database or the role can end it before its user has applied settings of
 * its own; with url->pooled the user applies them in each transaction.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_CONNECTOR_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_CONNECTOR_H

#include "adapters/postgres/connection/pg_error.h"
#include "adapters/postgres/connector/known_servers.h"
#include "adapters/system/url_source.h"

#include <event2/event.h>
#include <libpq-fe.h>
#include <stdbool.h>

/* The system's resolver asks its second name server after 5 s. */
#define CONNECTOR_LOOK_UP_MS 6000

struct connector;

struct connector_config {
	struct event_base *base;
	const struct url_source *url;  /* read once, when the connector starts */
	struct known_servers *servers; /* its suspects are tried last; NULL: there are no suspects */
	bool reads;                    /* if no server accepts writes, a read-only one is used */
	bool is_dry_run;               /* the session is for dry runs */
};

/*
 * Called once, from the event loop, after the connector freed itself.  `pg` belongs to the callee, is
 * blocking and idle, and `key` names its server (see known_servers.h).  Or `pg` is NULL and `error` gives
 * the reason for each address; its kind is FAILURE_FATAL where only an operator can help.
 */
typedef void connector_done(void *context, PGconn *pg, const char *key, const struct pg_error *error);

struct connector *connector_start(const struct connector_config *config, connector_done *done, void *context);

/* Describes why the addresses tried until now failed, and what the connector is waiting for. */
void connector_describe(const struct connector *connector, struct pg_error *error);

/* From now on `done` is not called. Accepts NULL in *connector and nulls it. */
void connector_cancel(struct connector **connector);

#endif
