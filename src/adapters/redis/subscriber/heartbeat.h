/*
 * Detects whether the subscriber receives what the publisher sends: it publishes a token every two seconds on
 * a separate channel, and the subscriber must receive it.  Thus a path that is half-open, or that leads
 * publisher and subscriber to different servers, is detected within ten seconds, although each server
 * answers.  Both then reconnect; commands may have been missed since the last heartbeat.
 *
 * With each beat Redis is asked for its role: a replica forwards messages from its master, so the heartbeat
 * would arrive although a replica accepts no writes.
 *
 * The time in which the subscriber is paused does not count.
 *
 * The token is followed by a number, which makes each beat a marker of its own: all subscribers of a server
 * hear it in the same place among the commands (see bus/subscription/heard_messages.h).
 */
#ifndef ALLOCD_ADAPTERS_REDIS_SUBSCRIBER_HEARTBEAT_H
#define ALLOCD_ADAPTERS_REDIS_SUBSCRIBER_HEARTBEAT_H

#include "adapters/redis/publisher/redis_publisher.h"
#include "adapters/redis/subscriber/redis_subscriber.h"

/* A signal of the subscriber: its channel, after the prefix. */
#define HEARTBEAT_CHANNEL "allocd:heartbeat"

struct heartbeat;

/* Publisher and subscriber outlive the heartbeat. */
struct heartbeat *heartbeat_new(const struct redis_settings *settings, struct redis_publisher *publisher,
				struct redis_subscriber *subscriber);

/* Accepts NULL in *heartbeat and nulls it. */
void heartbeat_free(struct heartbeat **heartbeat);

/* Beats now, and returns the marker; valid until the next one.  NULL: one of both is not up. */
const char *heartbeat_mark(struct heartbeat *heartbeat);

/* Whether what the subscriber received is a marker, of any worker; those of programs of before have none. */
bool heartbeat_is_marker(struct bytes payload);

/* The publisher or the subscriber came up.  Beats at once when both are. */
void heartbeat_connected(struct heartbeat *heartbeat);

/* The subscriber received the signal; other workers' tokens are ignored. */
void heartbeat_received(struct heartbeat *heartbeat, struct bytes payload);

/* Whether both are up, and the token was received since, and in the last ten seconds except pauses. */
bool heartbeat_is_fresh(const struct heartbeat *heartbeat);

/* How long ago the token was received last; 0 before the first time. */
int64_t heartbeat_received_ms_ago(const struct heartbeat *heartbeat);

#endif
