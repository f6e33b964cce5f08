/* The life of a connection, in time order: wait, connect, handshake, up, lost, wait. */
#include "adapters/redis/connection/connection_internal.h"

#include "adapters/redis/connection/connect_attempts.h"
#include "adapters/redis/connection/tls.h"
#include "adapters/redis/discovery/sentinel_query.h"
#include "adapters/redis/protocol/resp_reader.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <string.h>

#define BACKOFF_MIN_MS 100
#define REDIRECTS_MAX  5    /* in one attempt: nodes of a cluster may disagree for a while */
#define STABLE_MS      5000 /* a connection that was up for this long counts as a success */

/* What libevent hands to one system call; its usual 16 KiB are 40 messages. */
#define WRITE_MAX ((size_t)1024 * 1024)

/* Small, because behind each large text in a reply the rest of a chunk is wasted. */
#define REPLIES_CHUNK ((size_t)8 * 1024)

static void begin_attempts(struct redis_connection *connection);
static void connect_to_url(struct redis_connection *connection);
static void give_up_address(struct redis_connection *connection, enum address_failure failure,
			    const char *cause);

/* ---- time ---- */

void redis_connection_set_timer(struct redis_connection *connection, int64_t delay_ms)
{
	struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};

	evtimer_add(connection->timer, &delay);
}

static void set_state(struct redis_connection *connection, enum redis_connection_state state)
{
	connection_role_note(connection->role, connection->state == CONNECTION_UP, state == CONNECTION_UP);
	connection->state = state;
	switch (state) {
	case CONNECTION_WAITING:
		redis_connection_set_timer(connection,
					   backoff_next(&connection->backoff, connection->settings.random));
		break;
	case CONNECTION_CONNECTING: /* sentinel_query.c and connect_attempts.c have timeouts of their own */
		evtimer_del(connection->timer);
		break;
	case CONNECTION_HANDSHAKE:
		redis_connection_set_timer(connection, connect_attempts_left_ms(connection->attempts));
		break;
	case CONNECTION_UP:
		redis_connection_set_timer(connection, redis_silence_tick_ms(&connection->settings));
		break;
	}
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct redis_connection *connection = context;

	(void)fd;
	(void)what;
	switch (connection->state) {
	case CONNECTION_WAITING:
		begin_attempts(connection);
		break;
	case CONNECTION_CONNECTING:
		break;
	case CONNECTION_HANDSHAKE:
		give_up_address(connection, ADDRESS_SILENT,
				connection->url.tls && !connection->secured
					? "no answer to the TLS handshake: does this port speak TLS?"
					: "no answer to the handshake");
		break;
	case CONNECTION_UP:
		redis_connection_tick(connection);
		break;
	}
}

/* ---- the end ---- */

/* Input that was read before the stream ended is delivered first. */
void redis_connection_end(struct redis_connection *connection, const char *cause)
{
	if (redis_connection_holds_back(connection) && redis_connection_has_undelivered(connection))
		utf8_format(connection->ended, sizeof connection->ended, "%s", cause);
	else
		redis_connection_lose(connection, cause);
}

/* Advice on a server that closes the connection during the handshake. */
static const char *advice_on_end(const struct redis_connection *connection)
{
	if (!connection->url.tls)
		return " before it answered: does this port speak TLS?  Then REDIS_URL begins with rediss://";
	return connection->secured ? " after the TLS handshake: does it demand a client certificate "
				     "(ALLOCD_REDIS_CERT_FILE)?"
				   : " during the TLS handshake: does this port speak TLS?";
}

static void describe_end(const struct redis_connection *connection, short events, char *cause, size_t size)
{
	char error[REDIS_TROUBLE_MAX] = "Redis closed the connection";
	bool is_known = connection->url.tls && tls_describe_error(connection->stream, error, sizeof error);

	if (!is_known && (events & BEV_EVENT_ERROR))
		utf8_format(error, sizeof error, "%s", evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	utf8_format(cause, size, "%s%s%s", error,
		    redis_connection_was_slow(connection)
			    ? " (intake was paused: perhaps for reading too slowly)"
			    : "",
		    !is_known && connection->state == CONNECTION_HANDSHAKE ? advice_on_end(connection) : "");
}

static void on_event(struct bufferevent *stream, short events, void *context)
{
	struct redis_connection *connection = context;
	char cause[REDIS_TROUBLE_MAX];

	(void)stream;
	if (events & BEV_EVENT_CONNECTED)
		connection->secured = true;
	if (!(events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	describe_end(connection, events, cause, sizeof cause);
	redis_connection_end(connection, cause);
}

static void close_stream(struct redis_connection *connection)
{
	if (connection->stream)
		bufferevent_free(connection->stream);
	resp_reader_release(&connection->reader);
	connection->stream = NULL;
	connection->secured = connection->listening = false;
	connection->ended[0] = '\0';
}

static const char *address_of(const struct redis_connection *connection)
{
	return *connection->url.address ? connection->url.address : "REDIS_URL";
}

static void handle_loss(struct redis_connection *connection, bool was_up, const char *cause)
{
	bool was_stable = was_up && monotonic_ms() - connection->up_ms >= STABLE_MS;

	utf8_format(connection->trouble, sizeof connection->trouble, "%s", cause);
	close_stream(connection);
	sentinel_query_cancel(&connection->sentinels);
	connect_attempts_cancel(&connection->attempts);
	connection->sentinel += !was_up; /* what it answered was of no use */
	connection->rotation = was_stable ? 0 : connection->rotation + 1;
	if (was_stable)
		connection->backoff.failures = 0;
	set_state(connection, CONNECTION_WAITING);
	redis_server_missed(connection->settings.server, &connection->member,
			    was_up ? "lost Redis" : "cannot reach Redis", address_of(connection),
			    connection->trouble);
	request_queue_abandon(&connection->requests);
	if (connection->user->lost)
		connection->user->lost(connection->context, connection->trouble);
}

/* Keeps the most specific reason; of two alike, the earlier address's. */
static void note_failure(struct redis_connection *connection, enum address_failure failure, const char *cause)
{
	size_t address = connect_attempts_address(connection->attempts);

	if (failure < connection->failure ||
	    (failure == connection->failure && address > connection->failed_address))
		return;
	connection->failure = failure;
	connection->failed_address = address;
	utf8_format(connection->failed_for, sizeof connection->failed_for, "%s", cause);
}

/* There is no usable Redis at this address: tries the next one, if one is left. */
static void give_up_address(struct redis_connection *connection, enum address_failure failure,
			    const char *cause)
{
	note_failure(connection, failure, cause);
	if (!connect_attempts_has_next(connection->attempts)) {
		handle_loss(connection, false, connection->failed_for);
		return;
	}
	close_stream(connection);
	set_state(connection, CONNECTION_CONNECTING);
	request_queue_abandon(&connection->requests);
	connect_attempts_next(connection->attempts);
}

void redis_connection_lose(struct redis_connection *connection, const char *cause)
{
	if (connection->state == CONNECTION_HANDSHAKE)
		give_up_address(connection, connection->received_ms ? ADDRESS_REFUSED : ADDRESS_SILENT,
				cause);
	else
		handle_loss(connection, connection->state == CONNECTION_UP, cause);
}

void redis_connection_drop(struct redis_connection *connection, const char *cause)
{
	if (connection->state != CONNECTION_WAITING)
		redis_connection_lose(connection, cause);
}

/* Another connection found that this one is connected to the wrong server. */
static void on_server_left(void *context, const char *cause)
{
	redis_connection_end(context, cause);
}

/* Another connection came up: do not wait any longer. */
static void on_server_reached(void *context)
{
	struct redis_connection *connection = context;

	if (connection->state == CONNECTION_WAITING)
		redis_connection_set_timer(connection, 0);
}

/* ---- the beginning ---- */

/* Connects to the node of the cluster that has the slot. */
static void follow_redirect(struct redis_connection *connection)
{
	const struct cluster_node *node = &connection->handshake.moved_to;

	connection->redirects++;
	redis_url_redirect(&connection->url, *node->host ? node->host : connection->url.host, node->port);
	close_stream(connection);
	connect_attempts_cancel(&connection->attempts);
	set_state(connection, CONNECTION_CONNECTING);
	request_queue_abandon(&connection->requests);
	connect_to_url(connection);
}

static void on_handshake_answer(void *context, const redisReply *reply)
{
	struct redis_connection *connection = context;
	struct handshake *handshake = &connection->handshake;
	char error[REDIS_TROUBLE_MAX];

	if (!reply)
		return; /* `lost` has reported why */
	if (handshake_receive(handshake, reply, error, sizeof error)) {
		if (handshake->answered == handshake->count)
			connection->user->ready(connection->context);
		return;
	}
	if (handshake->is_defect)
		redis_server_set_defect(connection->settings.server, error);
	if (handshake->is_moved && connection->redirects < REDIRECTS_MAX &&
	    (*handshake->moved_to.host || connection->url.host))
		follow_redirect(connection);
	else
		redis_connection_lose(connection, error);
}

/* Returns false, with one line in `error`, when a file for TLS cannot be used. */
static bool open_stream(struct redis_connection *connection, int fd, char *error, size_t size)
{
	if (connection->url.tls)
		connection->stream = tls_stream_new(connection->settings.base, fd, connection->url.host,
						    &connection->url.tls_files, error, size);
	else
		connection->stream = must(bufferevent_socket_new(
			connection->settings.base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS));
	if (!connection->stream)
		return false;
	connection->received_ms = 0;
	resp_reader_init(&connection->reader, connection->bulk_max, connection->replies);
	bufferevent_set_max_single_write(connection->stream, WRITE_MAX);
	bufferevent_setcb(connection->stream, redis_connection_on_readable, redis_connection_on_sent,
			  on_event, connection);
	bufferevent_enable(connection->stream, EV_READ);
	if (!connection->url.tls)
		bufferevent_disable(connection->stream, EV_WRITE); /* see connection_sending.c */
	return true;
}

static void on_connect_done(void *context, int fd, const char *error)
{
	struct redis_connection *connection = context;
	struct evbuffer *commands;
	char defect[REDIS_TROUBLE_MAX];

	if (error) {
		give_up_address(connection, ADDRESS_UNREACHED, error);
		return;
	}
	if (!open_stream(connection, fd, defect, sizeof defect)) {
		give_up_address(connection, ADDRESS_REFUSED, defect);
		return;
	}
	set_state(connection, CONNECTION_HANDSHAKE);
	commands = must(evbuffer_new());
	handshake_begin(&connection->handshake, &connection->url, connection->name,
			&connection->settings.demands, commands);
	redis_connection_request(connection, commands, connection->handshake.count, on_handshake_answer,
				 connection);
	evbuffer_free(commands);
}

static void connect_to_url(struct redis_connection *connection)
{
	connection->attempts = connect_attempts_start(connection->settings.base, &connection->url,
						      connection->rotation, on_connect_done, connection);
}

/*
 * After a failure the nodes of the cluster are tried in turn, one an attempt, because the one in the URL may
 * be gone.
 */
static void choose_node(struct redis_connection *connection)
{
	const struct cluster_nodes *known =
		redis_server_nodes(connection->settings.server, connection->url.origin);
	size_t index = connection->rotation % (known->count + 1);

	if (index > 0)
		redis_url_redirect(&connection->url, known->nodes[index - 1].host,
				   known->nodes[index - 1].port);
}

static void on_sentinel_answered(void *context, const struct sentinel_answer *answer)
{
	struct redis_connection *connection = context;

	if (!answer->host) {
		redis_connection_lose(connection, answer->error);
		return;
	}
	connection->sentinel = answer->sentinel;
	redis_url_redirect(&connection->url, answer->host, answer->port);
	sentinel_query_cancel(&connection->sentinels);
	connect_to_url(connection);
}

static void begin_attempts(struct redis_connection *connection)
{
	struct arena *arena = arena_new(1024);
	const char *error;

	set_state(connection, CONNECTION_CONNECTING);
	connection->failure = ADDRESS_UNTRIED;
	connection->redirects = 0;
	redis_url_release(&connection->url);
	if (!redis_url_read(&connection->url, &connection->settings.url, arena, &error))
		redis_connection_lose(connection, error);
	else if (connection->url.master)
		connection->sentinels =
			sentinel_query_start(connection->settings.base, &connection->url,
					     connection->sentinel, on_sentinel_answered, connection);
	else {
		choose_node(connection);
		connect_to_url(connection);
	}
	arena_free(&arena);
}

/* ---- being up ---- */

void redis_connection_mark_up(struct redis_connection *connection)
{
	assert(connection->state == CONNECTION_HANDSHAKE);
	connection->up_ms = connection->received_ms = connection->ticked_ms = monotonic_ms();
	connection->up_at = wall_clock_us();
	connection->trouble[0] = '\0';
	connection->hides_role = false;
	connect_attempts_cancel(&connection->attempts);
	set_state(connection, CONNECTION_UP);
	if (connection->handshake.nodes.count)
		redis_server_set_nodes(connection->settings.server, connection->url.origin,
				       &connection->handshake.nodes);
	utf8_format(connection->member.run_id, sizeof connection->member.run_id, "%s",
		    connection->handshake.run_id);
	redis_server_reached(connection->settings.server, &connection->member, address_of(connection),
			     connection->handshake.version);
}

bool redis_connection_is_up(const struct redis_connection *connection)
{
	return connection->state == CONNECTION_UP && !*connection->ended;
}

const char *redis_connection_run_id(const struct redis_connection *connection)
{
	return connection->member.run_id;
}

const char *redis_connection_trouble(const struct redis_connection *connection)
{
	if (redis_connection_is_up(connection))
		return NULL;
	if (*connection->ended)
		return connection->ended;
	return *connection->trouble ? connection->trouble : "not connected yet";
}

/* ---- the whole ---- */

/* CLIENT LIST shows "allocd-publisher". */
static const char *role_of(const char *name)
{
	return strncmp(name, "allocd-", 7) ? name : name + 7;
}

struct redis_connection *redis_connection_new(const struct redis_settings *settings, const char *name,
					      size_t bulk_max, const struct redis_connection_user *user,
					      void *context)
{
	static const struct timeval at_once = {0, 0};
	struct redis_connection *connection = must_alloc(sizeof *connection);

	connection->settings = *settings;
	if (!settings->server)
		connection->settings.server = connection->alone =
			redis_server_new(settings->base, settings->logger, SERVER_PATIENCE_MS);
	connection->member = (struct server_member){
		.name = name, .end = on_server_left, .retry = on_server_reached, .context = connection};
	redis_server_join(connection->settings.server, &connection->member);
	connection->name = name;
	connection->role = connection_role_join(settings->connections, role_of(name));
	connection->user = user;
	connection->context = context;
	connection->received_at = wall_clock_us();
	connection->bulk_max = bulk_max;
	connection->backoff =
		(struct backoff){.first_ms = BACKOFF_MIN_MS, .cap_ms = CONNECTION_BACKOFF_MAX_MS};
	connection->replies = arena_new(REPLIES_CHUNK);
	connection->timer = must(evtimer_new(settings->base, on_timer, connection));
	connection->resuming = must(evtimer_new(settings->base, redis_connection_on_resuming, connection));
	connection->sending = must(evtimer_new(settings->base, redis_connection_on_sending, connection));
	evtimer_add(connection->timer, &at_once);
	return connection;
}

void redis_connection_free(struct redis_connection **connection)
{
	if (!*connection)
		return;
	connection_role_leave((*connection)->role, (*connection)->state == CONNECTION_UP);
	close_stream(*connection);
	sentinel_query_cancel(&(*connection)->sentinels);
	connect_attempts_cancel(&(*connection)->attempts);
	request_queue_clear(&(*connection)->requests);
	redis_server_leave((*connection)->settings.server, &(*connection)->member);
	redis_server_free(&(*connection)->alone);
	redis_url_release(&(*connection)->url);
	event_free((*connection)->timer);
	event_free((*connection)->resuming);
	event_free((*connection)->sending);
	arena_free(&(*connection)->replies);
	free(*connection);
	*connection = NULL;
}
