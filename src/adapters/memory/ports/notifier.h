/* The notifier port in memory: it keeps the notifications. */
#ifndef ALLOCD_ADAPTERS_MEMORY_PORTS_NOTIFIER_H
#define ALLOCD_ADAPTERS_MEMORY_PORTS_NOTIFIER_H

#include "adapters/memory/simulation/cable.h"
#include "bus/ports/notifier.h"

#include <stdbool.h>

struct memory_notifier;

struct memory_notifier *memory_notifier_new(struct simulation *simulation);

/* Calls under way are dropped.  Accepts NULL in *notifier and nulls it. */
void memory_notifier_free(struct memory_notifier **notifier);

struct notifier *memory_notifier_port(struct memory_notifier *notifier);
struct cable *memory_notifier_requests(struct memory_notifier *notifier);

/* While it is down every call fails. */
void memory_notifier_set_down(struct memory_notifier *notifier, bool down);

/* Notifications about that order fail with FAILURE_DATA. */
void memory_notifier_refuse(struct memory_notifier *notifier, const char *orderid);

/* Notifications to that recipient fail with FAILURE_BUSY, until another one or NULL is given. */
void memory_notifier_set_busy(struct memory_notifier *notifier, const char *recipient);

/* How many calls were made, and how many of them succeeded. */
size_t memory_notifier_attempts(const struct memory_notifier *notifier);
size_t memory_notifier_count(const struct memory_notifier *notifier);
const struct notification *memory_notifier_sent(const struct memory_notifier *notifier, size_t index);

#endif
