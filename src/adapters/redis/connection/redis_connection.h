/*
 * One connection to Redis: connects, performs the handshake, detects a dead peer, and reconnects.
 *
 * Guarantees to its user:
 *  - Each attempt reads the URL anew, asks its sentinels if it names some (see sentinel_query.h), and tries
 *    every address of the host in turn, for a few seconds each, until a usable Redis answers (see
 *    connect_attempts.h).  Attempts are repeated, after growing, jittered pauses (CONNECTION_BACKOFF_MAX_MS
 *    at most), for as long as the connection exists.
 *  - A peer that does not answer (a half-open connection, a stopped Redis) is detected within 10 seconds,
 *    by a PING when nothing else is received.
 *  - Memory is bounded, for unconsumed input (CONNECTION_INPUT_MAX and one read more) and for each reply
 *    (see resp_reader.h).
 *  - It disconnects from a server that turns out to be the wrong one (see redis_server.h).
 *  - The same trouble is logged every 10 seconds at most, not at every attempt.
 *
 * Callbacks are called from the event loop only, except `lost` from redis_connection_drop().  A connection
 * must not be freed from its own callbacks.  The program must ignore SIGPIPE.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_CONNECTION_REDIS_CONNECTION_H
#define ALLOCD_ADAPTERS_REDIS_CONNECTION_REDIS_CONNECTION_H

#include "adapters/redis/connection/handshake.h"
#include "adapters/redis/connection/request_queue.h"
#include "adapters/redis/server/redis_server.h"
#include "adapters/system/url_source.h"
#include "bus/ports/logger.h"
#include "bus/ports/random.h"
#include "bus/statistics/connection_statistics.h"

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

/* The size of a cause, which is one line, with its NUL. */
#define REDIS_TROUBLE_MAX 256

/* The settings that all connections to one Redis share.  All that they point to outlives the connections. */
struct redis_settings {
	struct event_base *base;
	struct url_source url; /* read at every attempt to connect */
	struct random *random;
	struct logger *logger;
	struct redis_server *server; /* NULL: the connections are independent of each other */
	struct handshake_demands demands;
	struct connection_statistics *connections; /* counts them by their names; NULL: nothing does */
	int silence_max_ms;                        /* 0: SILENCE_MAX_MS; tests shorten it */
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
	/*
	 * The handshake is complete: the user sends its first commands, and marks the connection as up once
	 * they are answered.
	 */
	void (*ready)(void *context);

	/*
	 * A reply arrived while the connection listens.  NULL: the user never listens.  Texts are cut to
	 * bulk_max bytes; the `integer` of each is its true size.
	 */
	void (*received)(void *context, const struct redisReply *reply);

	/* The connection, or an attempt, failed.  Requests in flight were answered before.  May be NULL. */
	void (*lost)(void *context, const char *cause);
};

/* Begins to connect.  CLIENT LIST shows `name`; `name` and `user` outlive the connection. */
struct redis_connection *redis_connection_new(const struct redis_settings *settings, const char *name,
					      size_t bulk_max, const struct redis_connection_user *user,
					      void *context);

/* No callback is called any more.  Accepts NULL in *connection and nulls it. */
void redis_connection_free(struct redis_connection **connection);

/* The user's first commands were answered: from now on the connection is up. */
void redis_connection_mark_up(struct redis_connection *connection);

bool redis_connection_is_up(const struct redis_connection *connection);

/* The run id of the server that it was up at last; "": unknown. */
const char *redis_connection_run_id(const struct redis_connection *connection);

/* Why it is not up, as far as is known; NULL when it is. */
const char *redis_connection_trouble(const struct redis_connection *connection);

/*
 * Sends the commands, which `replies` replies answer, and empties `commands`.  Only from `ready` on.
 */
void redis_connection_request(struct redis_connection *connection, struct evbuffer *commands, size_t replies,
			      connection_replied *replied, void *context);

/* Sends the commands; from now on, until the connection is lost, every reply goes to `received`. */
void redis_connection_listen(struct redis_connection *connection, struct evbuffer *commands);

/* While it is up and paused, no reply is delivered; not even one that was already read, which is kept. */
void redis_connection_pause(struct redis_connection *connection);
void redis_connection_resume(struct redis_connection *connection);
bool redis_connection_is_paused(const struct redis_connection *connection);

/* Leaves the server if it has become a replica.  Does nothing on a connection that listens. */
void redis_connection_check_role(struct redis_connection *connection);

/*
 * Ends the connection, calls `lost`, and reconnects after a pause.  During the handshake it gives up only
 * the present address, and calls `lost` if no other is left.
 */
void redis_connection_drop(struct redis_connection *connection, const char *cause);

/* The number of bytes that were not sent yet. */
size_t redis_connection_unsent(const struct redis_connection *connection);

/*
 * The time up to which certainly nothing was missed: microseconds since 1970.  After a recent pause it is
 * the beginning of that pause, because Redis disconnects a client that does not read.
 */
int64_t redis_connection_received_until(const struct redis_connection *connection);

#endif
