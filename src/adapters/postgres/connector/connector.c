/* Looks up names and connects, address by address and host by host; in time order. */
#include "adapters/postgres/connector/connector_internal.h"

#include "adapters/system/resolver.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* The maximum number of addresses tried for one name. */
#define ADDRESSES_MAX 16

static void on_io(evutil_socket_t fd, short what, void *context);

/* ---- helpers ---- */

void connector_set_timer(struct connector *connector, int delay_ms)
{
	const struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};

	evtimer_add(&connector->timer, &delay);
}

void connector_unwatch(struct connector *connector)
{
	if (connector->io)
		event_free(connector->io);
	connector->io = NULL;
}

/* libpq may switch to another socket after each step. */
void connector_watch(struct connector *connector, short what)
{
	connector_unwatch(connector);
	connector->io = must(event_new(connector->config.base, PQsocket(connector->pg),
				       (short)(what | EV_PERSIST), on_io, connector));
	event_add(connector->io, NULL);
}

void connector_drop_attempt(struct connector *connector)
{
	connector_unwatch(connector);
	evtimer_del(&connector->timer);
	pooler_trial_cancel(&connector->trial);
	PQclear(connector->answer);
	connector->answer = NULL;
	PQfinish(connector->pg);
	connector->pg = NULL;
	connector->connected = false;
}

void connector_cancel(struct connector **pointer)
{
	struct connector *connector = *pointer;

	if (!connector)
		return;
	resolver_cancel(&connector->resolver);
	connector_drop_attempt(connector);
	PQfinish(connector->spare);
	arena_free(&connector->arena);
	free(connector);
	*pointer = NULL;
}

/* ---- finishing ---- */

void connector_finish(struct connector *connector, PGconn *pg, const char *key, const struct pg_error *error)
{
	struct connector ended = *connector;

	connector->arena = NULL; /* `key` lives in it */
	if (pg == connector->spare)
		connector->spare = NULL;
	connector_cancel(&connector);
	ended.done(ended.context, pg, key, error);
	arena_free(&ended.arena);
}

static void fail(struct connector *connector, enum failure_kind kind, const char *text)
{
	struct pg_error error;

	pg_error_set(&error, kind, text);
	connector_finish(connector, NULL, NULL, &error);
}

void connector_describe(const struct connector *connector, struct pg_error *error)
{
	const char *waits = connector->resolver ? "a name was not looked up in time"
			    : connector->pg     ? "a server did not answer in time"
						: "";
	char before[PG_ERROR_TEXT_SIZE];

	address_list_describe(&connector->addresses, error);
	utf8_format(before, sizeof before, "%s", error->text);
	utf8_format(error->text, sizeof error->text, "%s%s%s", before, before[0] && waits[0] ? "; " : "",
		    waits);
}

static void finish_without(struct connector *connector)
{
	struct pg_error error;

	if (connector->spare) {
		connector_finish(connector, connector->spare, connector->spare_key, NULL);
		return;
	}
	address_list_describe(&connector->addresses, &error);
	connector_finish(connector, NULL, NULL, &error);
}

/* ---- look-ups ---- */

static void give_up_look_up(struct connector *connector, const char *reason)
{
	const struct conninfo_host *host = &connector->conninfo.hosts[connector->next_host - 1];
	struct server_address *server = address_list_add(&connector->addresses, connector->arena, host, NULL);

	char text[PG_ERROR_TEXT_SIZE];

	server->tried = true;
	utf8_format(text, sizeof text, "could not look up the host name \"%.255s\": %s", host->name, reason);
	pg_error_set(&server->error, FAILURE_RETRY, text);
}

static void on_looked_up(void *context, struct addrinfo *addresses, const char *error)
{
	struct connector *connector = context;
	const struct conninfo_host *host = &connector->conninfo.hosts[connector->next_host - 1];
	char text[INET6_ADDRSTRLEN + 32];
	int count = 0;

	connector->resolver = NULL;
	evtimer_del(&connector->timer);
	for (struct addrinfo *it = addresses; it && count < ADDRESSES_MAX; it = it->ai_next, count++) {
		if (!getnameinfo(it->ai_addr, it->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST))
			address_list_add(&connector->addresses, connector->arena, host,
					 arena_strdup(connector->arena, text));
	}
	if (addresses)
		freeaddrinfo(addresses);
	else
		give_up_look_up(connector, error);
	connector_proceed(connector);
}

/* Returns true if the look-up is in progress. */
static bool look_up(struct connector *connector, const struct conninfo_host *host)
{
	if (host->is_socket || host->address) {
		address_list_add(&connector->addresses, connector->arena, host, host->address);
		return false;
	}
	connector->resolver = resolver_start(connector->config.base, host->name, 0, on_looked_up, connector);
	connector_set_timer(connector, connector->conninfo.timeout_ms > CONNECTOR_LOOK_UP_MS
					       ? connector->conninfo.timeout_ms
					       : CONNECTOR_LOOK_UP_MS);
	return true;
}

/* ---- one address ---- */

void connector_give_up_address(struct connector *connector, enum failure_kind kind, const char *reason)
{
	address_list_fail(connector->current, kind, reason);
	connector_drop_attempt(connector);
}

/* libpq's own error names the server if the attempt got that far. */
static void give_up_after_libpq_error(struct connector *connector)
{
	char text[PG_ERROR_TEXT_SIZE];

	conninfo_error(connector->pg, text, sizeof text);
	if (!text[0]) {
		connector_give_up_address(connector, FAILURE_RETRY, "the connection broke");
		return;
	}
	pg_error_set(&connector->current->error, FAILURE_RETRY, text);
	connector_drop_attempt(connector);
}

/* Without a processor, libpq prints notices to standard error. */
static void ignore_notice(void *context, const char *text)
{
	(void)context, (void)text;
}

/* Returns true if the attempt is in progress, false if it failed at once. */
static bool attempt(struct connector *connector, struct server_address *server)
{
	server->tried = true;
	connector->current = server;
	connector->pg = must(conninfo_connect_start(&connector->conninfo, server->host, server->address));
	if (PQstatus(connector->pg) == CONNECTION_BAD) {
		give_up_after_libpq_error(connector);
		return false;
	}
	PQsetNoticeProcessor(connector->pg, ignore_notice, NULL);
	connector_set_timer(connector, connector->conninfo.timeout_ms);
	connector_watch(connector, EV_WRITE); /* the documented first step */
	return true;
}

/* ---- the next address ---- */

static struct server_address *next_address(const struct connector *connector)
{
	struct server_address *server = connector->addresses.first;

	while (server &&
	       (server->tried || (!connector->tries_suspects &&
				  known_servers_is_suspect(connector->config.servers, server->key))))
		server = server->next;
	return server;
}

void connector_proceed(struct connector *connector)
{
	for (;;) {
		struct server_address *server = next_address(connector);

		if (server) {
			if (attempt(connector, server))
				return;
		} else if (connector->next_host < connector->conninfo.count) {
			if (look_up(connector, &connector->conninfo.hosts[connector->next_host++]))
				return;
		} else if (!connector->tries_suspects) {
			connector->tries_suspects = true;
		} else {
			finish_without(connector);
			return;
		}
	}
}

void connector_proceed_after_libpq_error(struct connector *connector)
{
	give_up_after_libpq_error(connector);
	connector_proceed(connector);
}

/* ---- what the event loop calls ---- */

static void continue_connecting(struct connector *connector)
{
	connector_unwatch(connector);
	switch (PQconnectPoll(connector->pg)) {
	case PGRES_POLLING_READING:
		connector_watch(connector, EV_READ);
		break;
	case PGRES_POLLING_WRITING:
		connector_watch(connector, EV_WRITE);
		break;
	case PGRES_POLLING_OK:
		connector_begin_session(connector);
		break;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
	default:
		connector_proceed_after_libpq_error(connector);
	}
}

static void on_io(evutil_socket_t fd, short what, void *context)
{
	struct connector *connector = context;

	(void)fd, (void)what;
	if (connector->connected)
		connector_continue_session(connector);
	else
		continue_connecting(connector);
}

/* Reads the URL, which may have changed since the last attempt. */
static void begin(struct connector *connector)
{
	const struct url_source *url = connector->config.url;
	const char *error = NULL, *text = url->read(url->context, connector->arena, &error);
	struct conninfo *conninfo = &connector->conninfo;
	bool passes;

	if (!text) {
		fail(connector, FAILURE_RETRY, error);
		return;
	}
	if (!conninfo_read(conninfo, text, connector->arena, &error, &passes)) {
		fail(connector, passes ? FAILURE_RETRY : FAILURE_FATAL, error);
		return;
	}
	/*
	 * libpq would trust what a pooler reports about a server, which may be outdated, so the session is
	 * judged here.
	 */
	conninfo->is_any_let_in = conninfo->prefers_standby || (url->pooled && conninfo->wants_writes);
	connector_proceed(connector);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct connector *connector = context;
	char text[64];

	(void)fd, (void)what;
	if (connector->resolver) {
		resolver_cancel(&connector->resolver);
		give_up_look_up(connector, "no answer in time");
		connector_proceed(connector);
	} else if (connector->pg) {
		snprintf(text, sizeof text, "no answer within %d s", connector->conninfo.timeout_ms / 1000);
		known_servers_suspect(connector->config.servers, connector->current->key);
		connector_give_up_address(connector, FAILURE_RETRY, text);
		connector_proceed(connector);
	} else {
		begin(connector);
	}
}

struct connector *connector_start(const struct connector_config *config, connector_done *done, void *context)
{
	struct connector *connector = must_alloc(sizeof *connector);

	connector->config = *config;
	connector->done = done;
	connector->context = context;
	connector->arena = arena_new(4096);
	address_list_init(&connector->addresses);
	evtimer_assign(&connector->timer, config->base, on_timer, connector);
	connector_set_timer(connector, 0);
	return connector;
}
