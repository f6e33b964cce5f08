/*
 * One connection to Redis: connects, says who it is, finds out when it is dead, and comes back.
 *
 * What it promises its user:
 *  - Each attempt reads the URL anew and tries every address of its host in turn, for seconds each, until a
 *    usable Redis answers (see connect_attempts.h).  After a failure the next attempt follows with growing,
 *    jittered pauses (CONNECTION_BACKOFF_MAX_MS at most), for as long as the connection lives.
 *  - A peer that does not answer (a half-open connection, a stopped Redis) is found within 10 seconds, by
 *    a PING when nothing else is heard.
 *  - Memory is bounded: what was read and not consumed (CONNECTION_INPUT_MAX and one read more), each
 *    frame (see resp_reader.h).
 *  - A server that turns out to be the wrong one is left (see redis_server.h).
 *  - The same trouble is logged once, not at every attempt.
 *
 * Callbacks come from the event loop only, save `lost` from redis_connection_drop().  A connection is not
 * freed from its own callbacks.  The program ignores SIGPIPE.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_CONNECTION_REDIS_CONNECTION_H
#define ALLOCD_ADAPTERS_REDIS_CONNECTION_REDIS_CONNECTION_H

#include "adapters/redis/connection/handshake.h"
#include "adapters/redis/connection/request_queue.h"
#include "adapters/redis/server/redis_server.h"
#include "adapters/system/url_source.h"
#include "bus/ports/logger.h"
#include "bus/ports/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evbuffer;
struct event_base;
struct redisReply;

#define CONNECTION_INPUT_MAX      ((size_t)256 * 1024)
#define CONNECTION_BACKOFF_MAX_MS 2000

/* A peer that was silent for this long is dead; silence is measured eight times in that time. */
#define SILENCE_MAX_MS 8000

/* A cause in one line, and its NUL. */
#define REDIS_TROUBLE_MAX 256

/* What all connections to one Redis share.  All of it outlives them. */
struct redis_settings {
	struct event_base *base;
	struct url_source url; /* read at every attempt to connect */
	struct random *random;
	struct logger *logger;
	struct redis_server *server; /* NULL: each connection is alone, and hears nothing of the others */
	struct handshake_demands demands;
	int silence_max_ms; /* 0: SILENCE_MAX_MS; tests shorten it */
};

static inline int redis_silence_max_ms(const struct redis_settings *redis)
{
	return redis->silence_max_ms ? redis->silence_max_ms : SILENCE_MAX_MS;
}

static inline int redis_silence_tick_ms(const struct redis_settings *redis)
{
	return redis_silence_max_ms(redis) / 8;
}

struct redis_connection;

/* Callbacks to the user of a connection. */
struct redis_connection_user {
	/* Redis knows us; the user sends what it has to say first, and settles when that is answered. */
	void (*ready)(void *context);

	/*
	 * A reply to none of the requests arrived while the connection listens.  NULL: the user never
	 * listens.  Texts keep bulk_max bytes; `integer` is the true size of each.
	 */
	void (*heard)(void *context, const struct redisReply *reply);

	/* The connection, or an attempt, is over.  Requests under way were answered before.  May be NULL. */
	void (*lost)(void *context, const char *cause);
};

/* Begins to connect.  `name` is what CLIENT LIST shows; it and `user` outlive the connection. */
struct redis_connection *redis_connection_new(const struct redis_settings *settings, const char *name,
					      size_t bulk_max, const struct redis_connection_user *user,
					      void *context);

/* No callback is called any more.  Accepts NULL in *connection and nulls it. */
void redis_connection_free(struct redis_connection **connection);

/* The user is content: from now on the connection is up. */
void redis_connection_settle(struct redis_connection *connection);

bool redis_connection_is_up(const struct redis_connection *connection);

/* Why it is not up, as far as is known; NULL when it is. */
const char *redis_connection_trouble(const struct redis_connection *connection);

/*
 * Sends the commands, which `replies` replies answer, and empties `commands`.  Greeted connections only.
 */
void redis_connection_request(struct redis_connection *connection, struct evbuffer *commands, size_t replies,
			      connection_replied *replied, void *context);

/* Sends the commands; from now on, until the connection is lost, every reply goes to `heard`. */
void redis_connection_listen(struct redis_connection *connection, struct evbuffer *commands);

/* While it is up and paused, `heard` is not called; not even for what was read already, which is kept. */
void redis_connection_pause(struct redis_connection *connection);
void redis_connection_resume(struct redis_connection *connection);
bool redis_connection_is_paused(const struct redis_connection *connection);

/* Asks the server whether it is a replica by now, unless it is up for listening only. */
void redis_connection_check_role(struct redis_connection *connection);

/*
 * Ends this connection, `lost` included; another is made after a pause.  During the greeting it only gives
 * the address up, and `lost` is called when there is no other.
 */
void redis_connection_drop(struct redis_connection *connection, const char *cause);

/* Bytes that were not sent yet. */
size_t redis_connection_unsent(const struct redis_connection *connection);

/*
 * Until when surely nothing was missed: microseconds since 1970.  Of a connection that was paused it is the
 * moment of the pause, because Redis cuts off who does not read.
 */
int64_t redis_connection_heard_at(const struct redis_connection *connection);

#endif
