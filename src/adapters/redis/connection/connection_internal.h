/* A connection's inside, which its three files share: its life, what it hears, and whether it is well. */
#ifndef ALLOCD_ADAPTERS_REDIS_CONNECTION_CONNECTION_INTERNAL_H
#define ALLOCD_ADAPTERS_REDIS_CONNECTION_CONNECTION_INTERNAL_H

#include "adapters/redis/connection/redis_connection.h"
#include "adapters/redis/protocol/resp_reader.h"
#include "bus/base/backoff.h"

#include <event2/util.h>

struct bufferevent;
struct connect_attempts;
struct event;

enum redis_connection_state {
	CONNECTION_WAITING,    /* for the time of the next attempt */
	CONNECTION_CONNECTING, /* for a connected socket */
	CONNECTION_HANDSHAKE,  /* for TLS, Redis' answers, and the user to settle: the dial waits */
	CONNECTION_UP,         /* for anything */
};

/* How an address failed, in ascending order of how much the reason says: the highest is reported. */
enum address_failure { ADDRESS_UNTRIED, ADDRESS_UNREACHED, ADDRESS_SILENT, ADDRESS_REFUSED };

struct redis_connection {
	struct redis_settings settings;
	struct redis_server *alone; /* its own, when it shares none */
	struct server_member member;
	const char *name;
	const struct redis_connection_user *user;
	void *context;

	enum redis_connection_state state;
	struct event *timer;  /* what for, the state tells */
	struct redis_url url; /* of the last attempt; all zero when it could not be read */
	struct connect_attempts *attempts;
	enum address_failure failure; /* of this attempt, the worst of its addresses, */
	size_t failed_address;        /* the first of these, */
	char failed_for[REDIS_TROUBLE_MAX];
	struct bufferevent *stream;
	size_t bulk_max;
	struct resp_reader reader; /* of the stream, while there is one */
	struct arena *replies;     /* outlives the stream: the receiver of a reply may drop the connection */
	struct request_queue requests;
	struct handshake handshake;
	bool secured;   /* TLS is agreed on */
	bool listening; /* what comes answers nothing */

	bool paused;
	struct event *resuming;
	char ended[REDIS_TROUBLE_MAX]; /* why the stream ended, while more of it is to be heard; else empty */

	int64_t up_ms, received_ms, ticked_ms, resumed_ms; /* on a clock that only goes forward */
	int64_t up_at, received_at, paused_at;             /* on the calendar's */
	bool pinged;                                       /* since something was heard */
	bool hides_role;                                   /* the user may not ask for it */
	int64_t url_checked_ms;                            /* whether the URL is another by now */

	struct backoff backoff;
	unsigned rotation;               /* of the addresses: attempts since it was up for STABLE_MS */
	char trouble[REDIS_TROUBLE_MAX]; /* why it is not up */
};

/* ---- redis_connection.c ---- */

/* The connection, or the address that it is at, is given up. */
void redis_connection_lose(struct redis_connection *connection, const char *cause);

/* The same, once what was read before is heard. */
void redis_connection_end(struct redis_connection *connection, const char *cause);

void redis_connection_send(struct redis_connection *connection, struct evbuffer *commands);
void redis_connection_set_timer(struct redis_connection *connection, int64_t delay_ms);

/* ---- connection_receiving.c ---- */

struct evbuffer *redis_connection_input(const struct redis_connection *connection);

/* Whether bytes were read from the socket that were not handed on yet. */
bool redis_connection_has_unheard(const struct redis_connection *connection);

/* Whether what was read is not to be heard yet. */
bool redis_connection_holds_back(const struct redis_connection *connection);

/* Whether Redis may have cut us off for a pause that is not long over. */
bool redis_connection_was_slow(const struct redis_connection *connection);

void redis_connection_on_readable(struct bufferevent *stream, void *context);
void redis_connection_on_resuming(evutil_socket_t fd, short what, void *context);

/* ---- connection_watch.c ---- */

/* Once a second while it is up. */
void redis_connection_tick(struct redis_connection *connection);

#endif
