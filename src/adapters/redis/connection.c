/* The life of a connection, in time order: wait, dial, greet, be up, be lost, wait. */
#include "adapters/redis/connection.h"

#include "adapters/redis/command.h"
#include "adapters/redis/dial.h"
#include "adapters/redis/frame.h"
#include "adapters/redis/greeting.h"
#include "adapters/redis/instants.h"
#include "adapters/redis/tls.h"
#include "core/must.h"
#include "core/utf8.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <openssl/ssl.h>
#include <string.h>

#define BACKOFF_MIN_MS 100
#define GREETING_MS    5000 /* TLS, the greeting and what the user says first */
#define STABLE_MS      5000 /* up for so long, it counts as a success */

/* Behind each large text in a reply a part of one is left over. */
#define REPLIES_CHUNK ((size_t)8 * 1024)

/* A dead peer is found after SILENCE_MAX_MS + TICK_MS at the latest. */
#define TICK_MS        1000
#define PING_AFTER_MS  3000
#define SILENCE_MAX_MS 8000

enum connection_state {
	CONNECTION_WAITING,  /* for the time of the next attempt */
	CONNECTION_DIALING,  /* for a connected socket */
	CONNECTION_GREETING, /* for TLS, Redis' answers to the greeting, and the user to settle */
	CONNECTION_UP,       /* for anything */
};

struct redis_connection {
	struct redis_settings settings;
	const char *name;
	const struct connection_user *user;
	void *context;
	SSL_CTX *tls; /* NULL: none */

	enum connection_state state;
	struct event *timer; /* what for, the state tells */
	struct dial *dial;
	struct bufferevent *stream;
	size_t bulk_max;
	struct frame frame;    /* of the stream, while there is one */
	struct arena *replies; /* outlives it: who is told may drop the connection */
	struct requests requests;
	struct greeting greeting;
	bool secured;   /* TLS is agreed on */
	bool listening; /* what comes answers nothing */

	bool paused;
	struct event *resuming;
	char ended[REDIS_TROUBLE_MAX]; /* why the stream ended, while more of it is to be heard; else empty */

	int64_t up_ms, heard_ms, ticked_ms, resumed_ms; /* on a clock that only goes forward */
	int64_t up_at, heard_at, paused_at;             /* on the calendar's */
	bool pinged;                                    /* since something was heard */

	unsigned failures;               /* in a row */
	char trouble[REDIS_TROUBLE_MAX]; /* why it is not up */
	char logged[REDIS_TROUBLE_MAX];  /* what of that is in the log already */
};

static void dial(struct redis_connection *connection);
static void lose(struct redis_connection *connection, const char *cause);
static void tick(struct redis_connection *connection);

/* ---- time ---- */

static void set_timer(struct redis_connection *connection, int64_t delay_ms)
{
	struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};

	evtimer_add(connection->timer, &delay);
}

/*
 * Doubles with every failure up to the maximum; the upper half of it is chance, so that many workers do not
 * come at once.
 */
static int64_t backoff_ms(struct redis_connection *connection)
{
	int64_t longest = (int64_t)BACKOFF_MIN_MS << (connection->failures < 16 ? connection->failures : 16);
	uint32_t chance;

	if (longest > CONNECTION_BACKOFF_MAX_MS)
		longest = CONNECTION_BACKOFF_MAX_MS;
	connection->settings.random->fill(connection->settings.random, &chance, sizeof chance);
	return longest / 2 + chance % (longest / 2 + 1);
}

static void set_state(struct redis_connection *connection, enum connection_state state)
{
	connection->state = state;
	switch (state) {
	case CONNECTION_WAITING:
		set_timer(connection, backoff_ms(connection));
		break;
	case CONNECTION_DIALING: /* the dial has timeouts of its own */
		evtimer_del(connection->timer);
		break;
	case CONNECTION_GREETING:
		set_timer(connection, GREETING_MS);
		break;
	case CONNECTION_UP:
		set_timer(connection, TICK_MS);
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
		dial(connection);
		break;
	case CONNECTION_DIALING:
		break;
	case CONNECTION_GREETING:
		lose(connection, connection->tls && !connection->secured
					 ? "no answer to the TLS handshake: does this port speak TLS?"
					 : "no answer to the greeting");
		break;
	case CONNECTION_UP:
		tick(connection);
		break;
	}
}

/* ---- sending ---- */

static void send_commands(struct redis_connection *connection, struct evbuffer *commands)
{
	assert(connection->state == CONNECTION_GREETING || connection->state == CONNECTION_UP);
	if (bufferevent_write_buffer(connection->stream, commands) < 0)
		abort();
}

void redis_connection_request(struct redis_connection *connection, struct evbuffer *commands, size_t replies,
			      connection_replied *replied, void *context)
{
	assert(!connection->listening);
	requests_push(&connection->requests, replies, replied, context);
	send_commands(connection, commands);
}

void redis_connection_listen(struct redis_connection *connection, struct evbuffer *commands)
{
	connection->listening = true;
	send_commands(connection, commands);
}

size_t redis_connection_unsent(const struct redis_connection *connection)
{
	return connection->stream ? evbuffer_get_length(bufferevent_get_output(connection->stream)) : 0;
}

/* ---- hearing ---- */

static struct evbuffer *input_of(const struct redis_connection *connection)
{
	return bufferevent_get_input(connection->stream);
}

static bool holds_back(const struct redis_connection *connection)
{
	return connection->paused && connection->state == CONNECTION_UP;
}

static void take_reply(struct redis_connection *connection)
{
	const redisReply *reply = connection->frame.reply;

	if (connection->listening)
		connection->user->heard(connection->context, reply, connection->frame.cut_from);
	else if (!requests_answer(&connection->requests, reply))
		lose(connection, "an answer that nobody asked for: is this a Redis?");
}

static void give_up_on_protocol(struct redis_connection *connection)
{
	char cause[REDIS_TROUBLE_MAX];

	utf8_format(cause, sizeof cause, "this is not the protocol of Redis: %s", connection->frame.defect);
	lose(connection, cause);
}

/* One frame after the other: whoever is told may pause, or drop the connection. */
static void take_input(struct redis_connection *connection)
{
	while (connection->stream && !holds_back(connection)) {
		size_t size = evbuffer_get_contiguous_space(input_of(connection)), taken = 0;
		const void *data = evbuffer_pullup(input_of(connection), (ev_ssize_t)size);
		enum frame_progress progress;

		if (!size)
			return;
		progress = frame_feed(&connection->frame, data, size, &taken);
		evbuffer_drain(input_of(connection), taken);
		if (progress == FRAME_WHOLE)
			take_reply(connection);
		else if (progress == FRAME_BROKEN)
			give_up_on_protocol(connection);
	}
}

/*
 * During a pause, what is read piles up.  (libevent's watermark is of no use: at 2.1.12 it reads no more,
 * but calls us again and again, without rest.)
 */
static void stop_when_full(struct redis_connection *connection)
{
	if (connection->stream && evbuffer_get_length(input_of(connection)) >= CONNECTION_INPUT_MAX)
		bufferevent_disable(connection->stream, EV_READ);
}

static void on_readable(struct bufferevent *stream, void *context)
{
	struct redis_connection *connection = context;

	(void)stream;
	connection->heard_ms = now_ms();
	connection->heard_at = calendar_us();
	connection->pinged = false;
	take_input(connection);
	stop_when_full(connection);
}

void redis_connection_pause(struct redis_connection *connection)
{
	if (connection->paused)
		return;
	connection->paused = true;
	connection->paused_at = calendar_us();
}

void redis_connection_resume(struct redis_connection *connection)
{
	static const struct timeval at_once = {0, 0};

	if (!connection->paused)
		return;
	connection->paused = false;
	connection->resumed_ms = now_ms();
	evtimer_add(connection->resuming, &at_once);
}

bool redis_connection_is_paused(const struct redis_connection *connection)
{
	return connection->paused;
}

/* Whether Redis may have cut us off for a pause that is not long over. */
static bool was_slow(const struct redis_connection *connection)
{
	return connection->paused ||
	       (connection->resumed_ms && now_ms() - connection->resumed_ms < SILENCE_MAX_MS + TICK_MS);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t redis_connection_heard_at(const struct redis_connection *connection)
{
	return was_slow(connection) ? later(connection->paused_at, connection->up_at) : connection->heard_at;
}

/* ---- the end ---- */

/* What was read before the stream ended is heard first. */
static void end(struct redis_connection *connection, const char *cause)
{
	if (holds_back(connection) && evbuffer_get_length(input_of(connection)) > 0)
		utf8_format(connection->ended, sizeof connection->ended, "%s", cause);
	else
		lose(connection, cause);
}

static void on_resuming(evutil_socket_t fd, short what, void *context)
{
	struct redis_connection *connection = context;

	(void)fd;
	(void)what;
	take_input(connection);
	if (*connection->ended && !holds_back(connection))
		lose(connection, connection->ended);
	else if (connection->stream)
		bufferevent_enable(connection->stream, EV_READ);
}

static void describe_end(const struct redis_connection *connection, short events, char *cause, size_t size)
{
	char error[REDIS_TROUBLE_MAX] = "Redis closed the connection";

	if ((events & BEV_EVENT_ERROR) && connection->tls)
		tls_describe_error(connection->stream, error, sizeof error);
	else if (events & BEV_EVENT_ERROR)
		utf8_format(error, sizeof error, "%s", evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	utf8_format(cause, size, "%s%s", error,
		    was_slow(connection) ? " (intake was paused: perhaps for reading too slowly)" : "");
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
	end(connection, cause);
}

static void close_stream(struct redis_connection *connection)
{
	dial_cancel(&connection->dial);
	if (connection->stream)
		bufferevent_free(connection->stream);
	connection->stream = NULL;
	connection->secured = connection->listening = false;
	connection->ended[0] = '\0';
}

static void log_trouble(struct redis_connection *connection, const char *message)
{
	if (!strcmp(connection->trouble, connection->logged))
		return;
	memcpy(connection->logged, connection->trouble, sizeof connection->logged);
	LOG(connection->settings.logger, LOG_WARN, message,
	    LOG_TEXT("redis", connection->settings.url->place), LOG_TEXT("connection", connection->name),
	    LOG_TEXT("cause", connection->trouble));
}

static void lose(struct redis_connection *connection, const char *cause)
{
	bool was_up = connection->state == CONNECTION_UP;

	utf8_format(connection->trouble, sizeof connection->trouble, "%s", cause);
	close_stream(connection);
	connection->failures =
		was_up && now_ms() - connection->up_ms >= STABLE_MS ? 0 : connection->failures + 1;
	set_state(connection, CONNECTION_WAITING);
	log_trouble(connection, was_up ? "lost Redis" : "cannot reach Redis");
	requests_abandon(&connection->requests);
	connection->user->lost(connection->context, connection->trouble);
}

void redis_connection_drop(struct redis_connection *connection, const char *cause)
{
	if (connection->state != CONNECTION_WAITING)
		lose(connection, cause);
}

/* ---- the beginning ---- */

static void on_greeting_answer(void *context, const redisReply *reply)
{
	struct redis_connection *connection = context;
	struct greeting *greeting = &connection->greeting;
	char error[REDIS_TROUBLE_MAX];

	if (!reply)
		return; /* `lost` was told why */
	if (!greeting_take(greeting, reply, error, sizeof error))
		lose(connection, error);
	else if (greeting->answered == greeting->count)
		connection->user->greeted(connection->context);
}

static struct bufferevent *stream_new(struct redis_connection *connection, int fd)
{
	if (connection->tls)
		return tls_stream_new(connection->tls, connection->settings.base, fd,
				      connection->settings.url->host);
	return must(bufferevent_socket_new(connection->settings.base, fd,
					   BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS));
}

static void open_stream(struct redis_connection *connection, int fd)
{
	connection->stream = stream_new(connection, fd);
	frame_init(&connection->frame, connection->bulk_max, connection->replies);
	bufferevent_setcb(connection->stream, on_readable, NULL, on_event, connection);
	bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
}

static void on_dialed(void *context, int fd, const char *error)
{
	struct redis_connection *connection = context;
	struct evbuffer *commands;

	connection->dial = NULL;
	if (error) {
		lose(connection, error);
		return;
	}
	set_state(connection, CONNECTION_GREETING);
	open_stream(connection, fd);
	commands = must(evbuffer_new());
	greeting_begin(&connection->greeting, connection->settings.url, connection->name, commands);
	redis_connection_request(connection, commands, connection->greeting.count, on_greeting_answer,
				 connection);
	evbuffer_free(commands);
}

static void dial(struct redis_connection *connection)
{
	set_state(connection, CONNECTION_DIALING);
	connection->dial =
		dial_start(connection->settings.base, connection->settings.url, on_dialed, connection);
}

/* ---- being up ---- */

void redis_connection_settle(struct redis_connection *connection)
{
	assert(connection->state == CONNECTION_GREETING);
	connection->up_ms = connection->heard_ms = connection->ticked_ms = now_ms();
	connection->up_at = calendar_us();
	connection->trouble[0] = connection->logged[0] = '\0';
	set_state(connection, CONNECTION_UP);
	LOG(connection->settings.logger, LOG_INFO, "connected to Redis",
	    LOG_TEXT("redis", connection->settings.url->place), LOG_TEXT("connection", connection->name),
	    LOG_TEXT("version", connection->greeting.version));
}

bool redis_connection_is_up(const struct redis_connection *connection)
{
	return connection->state == CONNECTION_UP && !*connection->ended;
}

const char *redis_connection_trouble(const struct redis_connection *connection)
{
	if (redis_connection_is_up(connection))
		return NULL;
	if (*connection->ended)
		return connection->ended;
	return *connection->trouble ? connection->trouble : "not connected yet";
}

static void on_pong(void *context, const redisReply *reply)
{
	(void)context;
	(void)reply; /* whatever it is, Redis is alive */
}

static void ping(struct redis_connection *connection)
{
	struct evbuffer *commands = must(evbuffer_new());

	connection->pinged = true;
	command_append(commands, (struct bytes[]){bytes_of("PING")}, 1);
	if (connection->listening)
		send_commands(connection, commands);
	else
		redis_connection_request(connection, commands, 1, on_pong, NULL);
	evbuffer_free(commands);
}

/* For how long nothing was heard; it means nothing while we do not listen, nor when it was we who slept. */
static int64_t measure_silence(struct redis_connection *connection)
{
	int64_t now = now_ms();
	bool slept = now - connection->ticked_ms > 3 * TICK_MS;

	connection->ticked_ms = now;
	if (slept || *connection->ended || evbuffer_get_length(input_of(connection)) >= CONNECTION_INPUT_MAX)
		connection->heard_ms = now;
	return now - connection->heard_ms;
}

static void tick(struct redis_connection *connection)
{
	int64_t silence_ms = measure_silence(connection);

	set_timer(connection, TICK_MS);
	if (silence_ms >= SILENCE_MAX_MS)
		end(connection, "Redis does not answer");
	else if (silence_ms >= PING_AFTER_MS && !connection->pinged)
		ping(connection);
}

/* ---- the whole ---- */

struct redis_connection *redis_connection_new(const struct redis_settings *settings, const char *name,
					      size_t bulk_max, const struct connection_user *user,
					      void *context)
{
	struct redis_connection *connection = must_alloc(sizeof *connection);

	connection->settings = *settings;
	connection->name = name;
	connection->user = user;
	connection->context = context;
	connection->tls = settings->url->tls ? tls_context_new() : NULL;
	connection->heard_at = calendar_us();
	connection->bulk_max = bulk_max;
	connection->replies = arena_new(REPLIES_CHUNK);
	connection->timer = must(evtimer_new(settings->base, on_timer, connection));
	connection->resuming = must(evtimer_new(settings->base, on_resuming, connection));
	dial(connection);
	return connection;
}

void redis_connection_free(struct redis_connection **connection)
{
	if (!*connection)
		return;
	close_stream(*connection);
	requests_clear(&(*connection)->requests);
	event_free((*connection)->timer);
	event_free((*connection)->resuming);
	SSL_CTX_free((*connection)->tls);
	arena_free(&(*connection)->replies);
	free(*connection);
	*connection = NULL;
}
