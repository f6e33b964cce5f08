/*
 * The broker port: keeps what was published, in the order it went out.  Calls travel over `requests`, answers
 * over `answers` (see wire.h).
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_BROKER_H
#define ALLOCD_ADAPTERS_MEMORY_BROKER_H

#include "adapters/memory/wire.h"
#include "bus/broker.h"
#include "core/arena.h"

struct memory_broker;

struct memory_broker *memory_broker_new(struct simulation *simulation);

/* Calls under way are dropped.  Accepts NULL in *broker and nulls it. */
void memory_broker_free(struct memory_broker **broker);

struct broker *memory_broker_port(struct memory_broker *broker);
struct wire *memory_broker_requests(struct memory_broker *broker);
struct wire *memory_broker_answers(struct memory_broker *broker);

/* While it is down every call fails, and nothing goes out. */
void memory_broker_set_down(struct memory_broker *broker, bool down);

/* Of the next call only the first `count` events go out; then it fails. */
void memory_broker_fail_after(struct memory_broker *broker, size_t count);

/* What went out; valid until the broker is freed, whoever published it. */
size_t memory_broker_count(const struct memory_broker *broker);
const struct outgoing *memory_broker_event(const struct memory_broker *broker, size_t index);

#endif
