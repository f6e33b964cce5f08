/*
 * Finds out whether what is published is heard: something is said every two seconds, on a channel of our own,
 * and must come back by the subscriber.  So a path is found within ten seconds that is half-open, or leads
 * publisher and subscriber to different servers: each of them answers, but nobody hears us.  Both connections
 * are then ended, and made anew; commands may not have been heard since the last heartbeat.
 *
 * With each beat Redis is asked for its role: a replica passes on what its master hears, and the heartbeat
 * would come back though nobody may write there.
 *
 * A subscriber that is paused hears nothing: that is not held against it.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_SUBSCRIBER_HEARTBEAT_H
#define ALLOCD_ADAPTERS_REDIS_SUBSCRIBER_HEARTBEAT_H

#include "adapters/redis/publisher/redis_publisher.h"
#include "adapters/redis/subscriber/redis_subscriber.h"

/* Behind the prefix: a signal of the subscriber. */
#define HEARTBEAT_CHANNEL "allocd:heartbeat"

struct heartbeat;

/* Both outlive it. */
struct heartbeat *heartbeat_new(const struct redis_settings *settings, struct redis_publisher *publisher,
				struct redis_subscriber *subscriber);

/* Accepts NULL in *heartbeat and nulls it. */
void heartbeat_free(struct heartbeat **heartbeat);

/* The publisher or the subscriber came up.  Beats at once when both are. */
void heartbeat_connected(struct heartbeat *heartbeat);

/* The subscriber heard the signal; other workers' are passed over. */
void heartbeat_heard(struct heartbeat *heartbeat, struct bytes payload);

/* Whether both are up and one was heard since, and in the last ten seconds (pauses not counted). */
bool heartbeat_is_fresh(const struct heartbeat *heartbeat);

/* How long ago one was heard last; 0 before the first one. */
int64_t heartbeat_heard_ms_ago(const struct heartbeat *heartbeat);

#endif
