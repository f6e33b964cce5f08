/* Look a name up, connect, make the session safe; or the next address, the next host, in time order. */
#include "adapters/postgres/connector.h"

#include "adapters/postgres/place.h"
#include "adapters/postgres/session.h"
#include "adapters/system/resolver.h"
#include "core/must.h"
#include "core/utf8.h"

#include <event2/event_struct.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Of one name; more are not tried. */
#define ADDRESSES_MAX 16

/* A timeout of 1 ms that is set for the database ends the first statement by chance. */
#define TRIES_MAX 20

struct connector {
	struct connector_config config;
	connector_done *done;
	void *context;

	struct arena *arena;
	struct conninfo conninfo;
	size_t next_host; /* of the hosts: this one is looked up next */
	struct places places;
	bool spares_nothing; /* all places but suspects are behind us */

	/* What is under way: a look-up, an attempt to connect, or the first statement. */
	struct resolver *resolver;
	struct place *current;
	PGconn *pg;
	bool connected;
	PGresult *refusal; /* of the first statement */
	struct event *io;
	struct event timer;

	/* A session that would do if no better one is found. */
	PGconn *spare;
	const char *spare_key;
};

static void on_io(evutil_socket_t fd, short what, void *context);
static void proceed(struct connector *connector);

/* ---- helpers ---- */

static void set_timer(struct connector *connector, int delay_ms)
{
	const struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};

	evtimer_add(&connector->timer, &delay);
}

static void unwatch(struct connector *connector)
{
	if (connector->io)
		event_free(connector->io);
	connector->io = NULL;
}

/* libpq may go on with another socket after each step. */
static void watch(struct connector *connector, short what)
{
	unwatch(connector);
	connector->io = must(event_new(connector->config.base, PQsocket(connector->pg),
				       (short)(what | EV_PERSIST), on_io, connector));
	event_add(connector->io, NULL);
}

static void drop_attempt(struct connector *connector)
{
	unwatch(connector);
	evtimer_del(&connector->timer);
	PQclear(connector->refusal);
	connector->refusal = NULL;
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
	drop_attempt(connector);
	PQfinish(connector->spare);
	arena_free(&connector->arena);
	free(connector);
	*pointer = NULL;
}

/* ---- the end ---- */

static void finish(struct connector *connector, PGconn *pg, const char *key, const struct trouble *trouble)
{
	struct connector ended = *connector;

	connector->arena = NULL; /* it holds the key */
	if (pg == connector->spare)
		connector->spare = NULL;
	connector_cancel(&connector);
	ended.done(ended.context, pg, key, trouble);
	arena_free(&ended.arena);
}

static void fail(struct connector *connector, enum failure_kind kind, const char *text)
{
	struct trouble trouble;

	trouble_set(&trouble, kind, text);
	finish(connector, NULL, NULL, &trouble);
}

void connector_describe(const struct connector *connector, struct trouble *trouble)
{
	const char *waits = connector->resolver ? "a name was not looked up in time"
			    : connector->pg     ? "a server did not answer in time"
						: "";
	char before[TROUBLE_TEXT_SIZE];

	places_describe(&connector->places, trouble);
	utf8_format(before, sizeof before, "%s", trouble->text);
	utf8_format(trouble->text, sizeof trouble->text, "%s%s%s", before, before[0] && waits[0] ? "; " : "",
		    waits);
}

static void finish_without(struct connector *connector)
{
	struct trouble trouble;

	if (connector->spare) {
		finish(connector, connector->spare, connector->spare_key, NULL);
		return;
	}
	places_describe(&connector->places, &trouble);
	finish(connector, NULL, NULL, &trouble);
}

/* ---- look-ups ---- */

static void give_up_look_up(struct connector *connector, const char *reason)
{
	const struct conninfo_host *host = &connector->conninfo.hosts[connector->next_host - 1];
	struct place *place = place_add(&connector->places, connector->arena, host, NULL);

	char text[TROUBLE_TEXT_SIZE];

	place->tried = true;
	utf8_format(text, sizeof text, "could not look up the host name \"%.255s\": %s", host->name, reason);
	trouble_set(&place->trouble, FAILURE_RETRY, text);
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
			place_add(&connector->places, connector->arena, host,
				  arena_strdup(connector->arena, text));
	}
	if (addresses)
		freeaddrinfo(addresses);
	else
		give_up_look_up(connector, error);
	proceed(connector);
}

/* Returns whether an answer is to be waited for. */
static bool look_up(struct connector *connector, const struct conninfo_host *host)
{
	if (host->is_socket || host->address) {
		place_add(&connector->places, connector->arena, host, host->address);
		return false;
	}
	connector->resolver = resolver_start(connector->config.base, host->name, 0, on_looked_up, connector);
	set_timer(connector, connector->conninfo.timeout_ms > CONNECTOR_LOOK_UP_MS
				     ? connector->conninfo.timeout_ms
				     : CONNECTOR_LOOK_UP_MS);
	return true;
}

/* ---- one address ---- */

static void give_up_place(struct connector *connector, enum failure_kind kind, const char *reason)
{
	place_fail(connector->current, kind, reason);
	drop_attempt(connector);
}

/* libpq names the place by itself, where it got that far. */
static void give_up_as_libpq_says(struct connector *connector)
{
	char text[TROUBLE_TEXT_SIZE];

	conninfo_error(connector->pg, text, sizeof text);
	if (!text[0]) {
		give_up_place(connector, FAILURE_RETRY, "the connection broke");
		return;
	}
	trouble_set(&connector->current->trouble, FAILURE_RETRY, text);
	drop_attempt(connector);
}

/* libpq would print it. */
static void ignore_notice(void *context, const char *text)
{
	(void)context, (void)text;
}

/* Returns whether an answer is to be waited for. */
static bool attempt(struct connector *connector, struct place *place)
{
	place->tried = true;
	connector->current = place;
	connector->pg = must(conninfo_connect_start(&connector->conninfo, place->host, place->address));
	if (PQstatus(connector->pg) == CONNECTION_BAD) {
		give_up_as_libpq_says(connector);
		return false;
	}
	PQsetNoticeProcessor(connector->pg, ignore_notice, NULL);
	set_timer(connector, connector->conninfo.timeout_ms);
	watch(connector, EV_WRITE); /* as if PQconnectPoll had asked for it */
	return true;
}

/* ---- the next address ---- */

static struct place *next_place(const struct connector *connector)
{
	struct place *place = connector->places.first;

	while (place && (place->tried || (!connector->spares_nothing &&
					  servers_is_suspect(connector->config.servers, place->key))))
		place = place->next;
	return place;
}

static void proceed(struct connector *connector)
{
	for (;;) {
		struct place *place = next_place(connector);

		if (place) {
			if (attempt(connector, place))
				return;
		} else if (connector->next_host < connector->conninfo.count) {
			if (look_up(connector, &connector->conninfo.hosts[connector->next_host++]))
				return;
		} else if (!connector->spares_nothing) {
			connector->spares_nothing = true;
		} else {
			finish_without(connector);
			return;
		}
	}
}

static void go_on_without(struct connector *connector)
{
	give_up_as_libpq_says(connector);
	proceed(connector);
}

/* ---- a server that has let us in ---- */

/* Keeps the session for the case that no better one is found. */
static void keep_spare(struct connector *connector)
{
	PGconn *pg = connector->pg;

	connector->pg = NULL;
	drop_attempt(connector);
	if (connector->spare) {
		PQfinish(pg);
		return;
	}
	connector->spare = pg;
	connector->spare_key = connector->current->key;
}

static void judge_session(struct connector *connector)
{
	bool takes_writes = !session_refuses_writes(connector->pg);
	bool wants_standby = connector->config.reads && connector->conninfo.prefers_standby;
	bool is_preferred = wants_standby ? session_is_on_standby(connector->pg) : takes_writes;
	PGconn *pg = connector->pg;

	if (!takes_writes && !connector->config.reads) {
		give_up_place(connector, FAILURE_RETRY, session_refuses_writes(connector->pg));
		proceed(connector);
	} else if (!is_preferred) {
		keep_spare(connector);
		proceed(connector);
	} else {
		connector->pg = NULL;
		finish(connector, pg, connector->current->key, NULL);
	}
}

/* ---- the session's first statement ---- */

static void send_first_statement(struct connector *connector)
{
	connector->current->tries++;
	if (!PQsendQuery(connector->pg, session_first_statement)) {
		go_on_without(connector);
		return;
	}
	watch(connector, EV_READ);
}

static void begin_session(struct connector *connector)
{
	const char *defect = session_defect(connector->pg);

	if (defect) {
		give_up_place(connector, FAILURE_FATAL, defect);
		proceed(connector);
		return;
	}
	connector->connected = true;
	send_first_statement(connector);
}

/* A timeout of the database or the role was faster than the statement that turns it off. */
static void try_again(struct connector *connector, const char *sqlstate)
{
	struct place *place = connector->current;

	if (!strcmp(sqlstate, "57014")) {
		send_first_statement(connector);
		return;
	}
	drop_attempt(connector);
	place->tried = false;
	proceed(connector);
}

static bool is_ended_by_timeout(const char *sqlstate)
{
	return !strcmp(sqlstate, "57014") || !strcmp(sqlstate, "57P05");
}

static void take_refusal(struct connector *connector, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	bool by_timeout = sqlstate && is_ended_by_timeout(sqlstate);
	struct trouble trouble;
	char text[TROUBLE_TEXT_SIZE];

	if (by_timeout && connector->current->tries < TRIES_MAX) {
		try_again(connector, sqlstate);
		return;
	}
	trouble_set_error(&trouble, result);
	utf8_format(text, sizeof text, "%s the session's first statement: %s",
		    by_timeout ? "statement_timeout or idle_session_timeout of the database or the role ended"
			       : "the server refused",
		    trouble.text);
	give_up_place(connector, FAILURE_RETRY, text);
	proceed(connector);
}

/* Takes what is there; true when nothing more is to come. */
static bool take_results(struct connector *connector)
{
	PGresult *result = NULL;

	while (!PQisBusy(connector->pg) && (result = PQgetResult(connector->pg))) {
		bool is_error = PQresultStatus(result) == PGRES_FATAL_ERROR;

		if (is_error && !connector->refusal)
			connector->refusal = result;
		else
			PQclear(result);
	}
	return !PQisBusy(connector->pg) && !result;
}

static void go_on_with_session(struct connector *connector)
{
	bool alive = PQconsumeInput(connector->pg);
	bool all = take_results(connector) || !alive;
	PGresult *refusal = connector->refusal;

	if (!all)
		return;
	connector->refusal = NULL;
	if (refusal)
		take_refusal(connector, refusal);
	else if (!alive || PQstatus(connector->pg) != CONNECTION_OK)
		go_on_without(connector);
	else
		judge_session(connector);
	PQclear(refusal);
}

/* ---- what the event loop calls ---- */

static void go_on_connecting(struct connector *connector)
{
	unwatch(connector);
	switch (PQconnectPoll(connector->pg)) {
	case PGRES_POLLING_READING:
		watch(connector, EV_READ);
		break;
	case PGRES_POLLING_WRITING:
		watch(connector, EV_WRITE);
		break;
	case PGRES_POLLING_OK:
		begin_session(connector);
		break;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
	default:
		go_on_without(connector);
	}
}

static void on_io(evutil_socket_t fd, short what, void *context)
{
	struct connector *connector = context;

	(void)fd, (void)what;
	if (connector->connected)
		go_on_with_session(connector);
	else
		go_on_connecting(connector);
}

/* The URL may be another one each time. */
static void begin(struct connector *connector)
{
	const struct url_source *url = connector->config.url;
	const char *error = NULL, *text = url->read(url->context, connector->arena, &error);
	bool passes;

	if (!text)
		fail(connector, FAILURE_RETRY, error);
	else if (!conninfo_read(&connector->conninfo, text, connector->arena, &error, &passes))
		fail(connector, passes ? FAILURE_RETRY : FAILURE_FATAL, error);
	else
		proceed(connector);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct connector *connector = context;
	char text[64];

	(void)fd, (void)what;
	if (connector->resolver) {
		resolver_cancel(&connector->resolver);
		give_up_look_up(connector, "no answer in time");
		proceed(connector);
	} else if (connector->pg) {
		snprintf(text, sizeof text, "no answer within %d s", connector->conninfo.timeout_ms / 1000);
		servers_suspect(connector->config.servers, connector->current->key);
		give_up_place(connector, FAILURE_RETRY, text);
		proceed(connector);
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
	places_init(&connector->places);
	evtimer_assign(&connector->timer, config->base, on_timer, connector);
	set_timer(connector, 0);
	return connector;
}
