/*
 * The broker port in memory: it keeps the published events in order, and a fence for each incarnation and
 * partition.  Calls travel over `requests`, answers over `answers` (see cable.h).
 *
 * Several workers may share one broker: each has its own connection, and a setting that a test makes
 * through one connection holds for all.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_PORTS_BROKER_H
#define ALLOCD_ADAPTERS_MEMORY_PORTS_BROKER_H

#include "adapters/memory/simulation/cable.h"
#include "bus/ports/broker.h"
#include "core/base/arena.h"

struct memory_broker;

/* Creates a broker and returns a connection to it. */
struct memory_broker *memory_broker_new(struct simulation *simulation);

/* Returns another connection to the same broker. */
struct memory_broker *memory_broker_connect(struct memory_broker *other);

/*
 * Closes the connection and drops its calls under way.  The broker is freed with its last connection.
 * Accepts NULL in *broker and nulls it.
 */
void memory_broker_free(struct memory_broker **broker);

struct broker *memory_broker_port(struct memory_broker *broker);
struct cable *memory_broker_requests(struct memory_broker *broker);
struct cable *memory_broker_answers(struct memory_broker *broker);

/* While the broker is down, every call fails and no event is published. */
void memory_broker_set_down(struct memory_broker *broker, bool down);

/*
 * The next call that arrives publishes only its first `count` events, then fails.  A row that was published
 * in part does not count as published.
 */
void memory_broker_fail_after(struct memory_broker *broker, size_t count);

/* The broker loses its fences.  Tests can still read the published events. */
void memory_broker_forget(struct memory_broker *broker);

/* The published events of all workers, valid until the broker is freed. */
size_t memory_broker_count(const struct memory_broker *broker);
const struct outgoing *memory_broker_event(const struct memory_broker *broker, size_t index);

/* The number of rows skipped because a fence covers them, and of calls ended by a gap above a fence. */
size_t memory_broker_skipped(const struct memory_broker *broker);
size_t memory_broker_gaps(const struct memory_broker *broker);

#endif
