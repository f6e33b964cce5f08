/*
 * A proxy between a store and Postgres, on the test's own event loop, that loses connections at the worst
 * moment.
 *
 * It understands as much of the protocol
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html) as it needs to find the ends of
 * messages.
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

/* Returns a connection string for the same database by way of the proxy. */
const char *proxy_conninfo(const struct proxy *proxy);

/* The next five plan what happens to the connection that flushes a unit of work next. */

/* Ends both sides after this many bytes of the flush went to the server. */
void proxy_cut_flush_after(struct proxy *proxy, size_t bytes);

/* Passes nothing of the flush to the server; ends both sides when the client has sent all of it. */
void proxy_swallow_flush(struct proxy *proxy);

/* Passes all of the flush to the server, which commits; ends both sides before the client gets an answer. */
void proxy_swallow_answer(struct proxy *proxy);

/*
 * Does the same, but sends the client the error with which a pooler reports that the server's session is
 * gone.
 */
void proxy_swallow_answer_as_pooler(struct proxy *proxy);

/* Passes all of the flush to the server except the sync, and ends the client's side. */
void proxy_hold_commit(struct proxy *proxy);
void proxy_end_held(struct proxy *proxy, bool commits);

/*
 * Passes all of the flush to the server and keeps its answer: both sides stay open as if the network were
 * gone.
 */
void proxy_freeze_flush(struct proxy *proxy);

/* Ends all connections immediately. */
void proxy_drop_connections(struct proxy *proxy);

/* The number of bytes of the last whole flush, and the number of connections until now. */
size_t proxy_flush_size(const struct proxy *proxy);
size_t proxy_connections(const struct proxy *proxy);

#endif
