/*
 * The newest entries of the stream of events, over a connection of its own that exists only from the first
 * read to event_peek's close().  Its troubles are not logged: the answer to a read reports them.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_TOOLS_REDIS_EVENT_PEEK_H
#define ALLOCD_ADAPTERS_REDIS_TOOLS_REDIS_EVENT_PEEK_H

#include "adapters/redis/connection/redis_connection.h"
#include "bus/publishing/event_peek.h"

struct redis_event_peek;

/* `key` is the stream's, with the prefix; it is copied.  Of the settings, what they point to is used. */
struct redis_event_peek *redis_event_peek_new(const struct redis_settings *settings, const char *key);

/* Accepts NULL in *peek and nulls it. */
void redis_event_peek_free(struct redis_event_peek **peek);

struct event_peek *redis_event_peek_port(struct redis_event_peek *peek);

#endif
