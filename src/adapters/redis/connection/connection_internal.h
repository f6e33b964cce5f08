/*
 * The private part of a connection, shared by its four files: life cycle, input, output, and the watch on
 * Redis.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_CONNECTION_CONNECTION_INTERNAL_H
#define ALLOCD_ADAPTERS_REDIS_CONNECTION_CONNECTION_INTERNAL_H

#include "adapters/redis/connection/redis_connection.h"
#include "adapters/redis/protocol/resp_reader.h"
#include "bus/base/backoff.h"

#include <event2/util.h>

struct bufferevent;
struct connect_attempts;
struct event;
struct sentinel_query;

enum redis_connection_state {
	CONNECTION_WAITING,    /* waits for the time of the next attempt */
	CONNECTION_CONNECTING, /* waits for the sentinels' answer, and for a connected socket */
	CONNECTION_HANDSHAKE,  /* waits for TLS, the replies to the handshake, and those to the user */
	CONNECTION_UP,         /* the user marked it as up: requests are sent, or the connection listens */
};

/* How an address failed, from the least to the most specific reason: the most specific is reported. */
enum address_failure { ADDRESS_UNTRIED, ADDRESS_UNREACHED, ADDRESS_SILENT, ADDRESS_REFUSED };

struct redis_connection {
	struct redis_settings settings;
	struct redis_server *alone; /* owned; NULL when the settings name a shared one */
	struct server_member member;
	const char *name;
	struct connection_role *role; /* or NULL */
	const struct redis_connection_user *user;
	void *context;

	enum redis_connection_state state;
	struct event *timer;  /* its meaning depends on the state */
	struct redis_url url; /* of the last attempt; all zero when it could not be read */
	struct sentinel_query
		*sentinels; /* being asked: before connecting, and now and then while it is up */
	size_t sentinel;    /* the number of the one that is asked first */
	unsigned redirects; /* by MOVED, in this attempt */
	struct connect_attempts *attempts;
	enum address_failure failure; /* the most specific one of this attempt */
	size_t failed_address;        /* the index of the first address with this failure */
	char failed_for[REDIS_TROUBLE_MAX];
	struct bufferevent *stream;
	size_t bulk_max;
	struct resp_reader reader; /* used while there is a stream */
	struct arena *replies;     /* outlives the stream: the receiver of a reply may drop the connection */
	struct request_queue requests;
	struct handshake handshake;
	bool secured;   /* the TLS handshake is complete */
	bool listening; /* replies go to `received`, and requests are not allowed */

	bool paused;
	struct event *resuming;
	struct event *sending; /* active until the end of a turn of the loop in which something was sent */
	char ended[REDIS_TROUBLE_MAX]; /* why the stream ended while undelivered input is left; else empty */

	int64_t up_ms, received_ms, ticked_ms, resumed_ms; /* on the monotonic clock */
	int64_t up_at, received_at, paused_at;             /* microseconds since 1970 */
	bool pinged;                                       /* since the last input */
	bool hides_role;                                   /* Redis refuses to report its role */
	int64_t url_checked_ms;                            /* when the URL was last read again */

	struct backoff backoff;
	unsigned rotation;               /* of the addresses: losses since it was up for STABLE_MS */
	char trouble[REDIS_TROUBLE_MAX]; /* why it is not up */
};

/* ---- redis_connection.c ---- */

/* Gives up the connection; during the handshake, only the present address. */
void redis_connection_lose(struct redis_connection *connection, const char *cause);

/* The same, but during a pause only after the input that was already read is delivered. */
void redis_connection_end(struct redis_connection *connection, const char *cause);

void redis_connection_set_timer(struct redis_connection *connection, int64_t delay_ms);

/* ---- connection_receiving.c ---- */

struct evbuffer *redis_connection_input(const struct redis_connection *connection);

/* Whether bytes that were read from the socket are not delivered yet. */
bool redis_connection_has_undelivered(const struct redis_connection *connection);

/* Whether a pause keeps input from being delivered. */
bool redis_connection_holds_back(const struct redis_connection *connection);

/* Whether Redis may have disconnected us because of a pause, present or recent. */
bool redis_connection_was_slow(const struct redis_connection *connection);

void redis_connection_on_readable(struct bufferevent *stream, void *context);
void redis_connection_on_resuming(evutil_socket_t fd, short what, void *context);

/* ---- connection_sending.c ---- */

void redis_connection_send(struct redis_connection *connection, struct evbuffer *commands);
void redis_connection_on_sending(evutil_socket_t fd, short what, void *context);
void redis_connection_on_sent(struct bufferevent *stream, void *context);

/* ---- connection_watch.c ---- */

/* Called every redis_silence_tick_ms() while the connection is up. */
void redis_connection_tick(struct redis_connection *connection);

#endif
