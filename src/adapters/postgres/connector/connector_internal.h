/*
 * Private to the connector: what reaching a server (connector.c) and judging its session
 * (connector_session.c) share.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_CONNECTOR_INTERNAL_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_CONNECTOR_INTERNAL_H

#include "adapters/postgres/connector/address_list.h"
#include "adapters/postgres/connector/connector.h"
#include "adapters/postgres/connector/conninfo.h"
#include "adapters/postgres/connector/pooler_trial.h"
#include "adapters/postgres/connector/session_setup.h"

#include <event2/event_struct.h>

struct connector {
	struct connector_config config;
	connector_done *done;
	void *context;

	struct arena *arena;
	struct conninfo conninfo;
	size_t next_host; /* the index of the host that is looked up next */
	struct address_list addresses;
	bool tries_suspects; /* all other addresses have failed */

	/* The step in progress: a look-up, an attempt to connect, the first statement, or a pooler trial. */
	struct resolver *resolver;
	struct server_address *current;
	PGconn *pg;
	bool connected;
	enum session_scope scope; /* of the first statement */
	PGresult *answer;         /* the first statement's result: an error or its row */
	struct pooler_trial *trial;
	struct event *io;
	struct event timer;

	/* A usable session, kept in case no better one is found. */
	PGconn *spare;
	const char *spare_key;
};

/* ---- reaching a server: connector.c ---- */

void connector_set_timer(struct connector *connector, int delay_ms);
void connector_watch(struct connector *connector, short what);
void connector_unwatch(struct connector *connector);

/* Tries the next address or host; after the last one, finishes with the spare session or without one. */
void connector_proceed(struct connector *connector);

/* Closes the attempt at the current server; the latter two record its error. */
void connector_drop_attempt(struct connector *connector);
void connector_give_up_address(struct connector *connector, enum failure_kind kind, const char *reason);
void connector_proceed_after_libpq_error(struct connector *connector);

/* Hands over the session, and frees the connector. */
void connector_finish(struct connector *connector, PGconn *pg, const char *key, const struct pg_error *error);

/* ---- the session: connector_session.c ---- */

/* Begins the session after the server has authenticated us. */
void connector_begin_session(struct connector *connector);

/* Called when something arrived or the connection ended. */
void connector_continue_session(struct connector *connector);

#endif
