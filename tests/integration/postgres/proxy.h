/*
 * A proxy between a store and Postgres, on the test's own event loop, that loses connections at the worst
 * moment.
 *
 * It understands as much of the protocol
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html) as tells where messages begin and
 * end.
 */
#ifndef ALLOCD_TESTS_POSTGRES_PROXY_H
#define ALLOCD_TESTS_POSTGRES_PROXY_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

struct proxy;

/* `conninfo` names the real server. */
struct proxy *proxy_new(struct event_base *base, const char *conninfo);
void proxy_free(struct proxy **proxy);

/* For clients: the same database by way of the proxy. */
const char *proxy_conninfo(const struct proxy *proxy);

/* What happens to the connection that flushes a unit of work next. */

/* It ends, on both sides, after so many bytes of the flush went to the server. */
void proxy_cut_flush_after(struct proxy *proxy, size_t bytes);

/* The server gets nothing of the flush; both sides end when the client has sent all of it. */
void proxy_swallow_flush(struct proxy *proxy);

/* The server gets all of it and commits; then both sides end, and the client got no answer. */
void proxy_swallow_answer(struct proxy *proxy);

/* The same, but for the words with which a pooler tells its client that the server's session is gone. */
void proxy_swallow_answer_as_pooler(struct proxy *proxy);

/* The server gets all of it but for the sync; the client's side ends. */
void proxy_hold_commit(struct proxy *proxy);
void proxy_end_held(struct proxy *proxy, bool commits);

/* The server gets all of it, but its answer never comes: both sides stay as if the network were gone. */
void proxy_freeze_flush(struct proxy *proxy);

/* Ends all connections at once, whatever goes on. */
void proxy_drop_connections(struct proxy *proxy);

/* How many bytes the last flush had that went through, and how many connections there were. */
size_t proxy_flush_size(const struct proxy *proxy);
size_t proxy_connections(const struct proxy *proxy);

#endif
