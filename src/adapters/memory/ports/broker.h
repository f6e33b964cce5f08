/*
 * The broker port: keeps what was published, in the order it went out, and a fence for each incarnation and
 * partition.  Calls travel over `requests`, answers over `answers` (see cable.h).
 *
 * One broker may have several workers: each has a connection of its own, and what is said of the broker
 * through one of them holds for all.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_PORTS_BROKER_H
#define ALLOCD_ADAPTERS_MEMORY_PORTS_BROKER_H

#include "adapters/memory/simulation/cable.h"
#include "bus/ports/broker.h"
#include "core/base/arena.h"

struct memory_broker;

/* A broker, and a connection to it. */
struct memory_broker *memory_broker_new(struct simulation *simulation);

/* One more connection to the same broker. */
struct memory_broker *memory_broker_connect(struct memory_broker *other);

/*
 * Calls under way over this connection are dropped.  The broker goes with its last connection.  Accepts NULL
 * in *broker and nulls it.
 */
void memory_broker_free(struct memory_broker **broker);

struct broker *memory_broker_port(struct memory_broker *broker);
struct cable *memory_broker_requests(struct memory_broker *broker);
struct cable *memory_broker_answers(struct memory_broker *broker);

/* While it is down every call fails, and nothing goes out. */
void memory_broker_set_down(struct memory_broker *broker, bool down);

/*
 * Of the next call that arrives only the first `count` events go out; then it fails.  A row of which some
 * went out does not count as published.
 */
void memory_broker_fail_after(struct memory_broker *broker, size_t count);

/* It loses its data, that is, its fences.  The events that were published stay known to the test. */
void memory_broker_forget(struct memory_broker *broker);

/* The published events of all workers, valid until the broker is freed. */
size_t memory_broker_count(const struct memory_broker *broker);
const struct outgoing *memory_broker_event(const struct memory_broker *broker, size_t index);

/* How many rows were below a fence, and how many calls began above one. */
size_t memory_broker_skipped(const struct memory_broker *broker);
size_t memory_broker_gaps(const struct memory_broker *broker);

#endif
