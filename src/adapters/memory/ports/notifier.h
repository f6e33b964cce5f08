/* The notifier port in memory: it keeps the notifications. */
#ifndef ALLOCD_ADAPTERS_MEMORY_PORTS_NOTIFIER_H
#define ALLOCD_ADAPTERS_MEMORY_PORTS_NOTIFIER_H

#include "adapters/memory/simulation/cable.h"
#include "bus/ports/notifier.h"

#include <stdbool.h>

struct memory_notifier;

struct memory_notifier *memory_notifier_new(struct simulation *simulation);

/* Drops calls under way.  Accepts NULL in *notifier and nulls it. */
void memory_notifier_free(struct memory_notifier **notifier);

struct notifier *memory_notifier_port(struct memory_notifier *notifier);
struct cable *memory_notifier_requests(struct memory_notifier *notifier);

/* While the notifier is down, every call fails. */
void memory_notifier_set_down(struct memory_notifier *notifier, bool down);

/* Makes notifications about that order fail with FAILURE_DATA. */
void memory_notifier_refuse(struct memory_notifier *notifier, const char *orderid);

/* Makes notifications to that recipient fail with FAILURE_BUSY, until another recipient or NULL is set. */
void memory_notifier_set_busy(struct memory_notifier *notifier, const char *recipient);

/* The number of calls, and of those that succeeded. */
size_t memory_notifier_attempts(const struct memory_notifier *notifier);
size_t memory_notifier_count(const struct memory_notifier *notifier);
const struct notification *memory_notifier_sent(const struct memory_notifier *notifier, size_t index);

#endif
