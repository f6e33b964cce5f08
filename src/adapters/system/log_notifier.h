/* The notifier port for who has no mail server: it says in the log what a mail would have said. */
#ifndef ALLOCD_ADAPTERS_SYSTEM_LOG_NOTIFIER_H
#define ALLOCD_ADAPTERS_SYSTEM_LOG_NOTIFIER_H

#include "bus/ports/logger.h"
#include "bus/ports/notifier.h"

struct event_base;

/* Both outlive the notifier. */
struct notifier *log_notifier_new(struct event_base *base, struct logger *logger);

/* What was not answered yet is not answered any more.  Accepts NULL in *notifier and nulls it. */
void log_notifier_free(struct notifier **notifier);

#endif
