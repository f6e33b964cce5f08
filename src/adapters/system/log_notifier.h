/* The notifier port without a mail server: logs each notification. */
#ifndef ALLOCD_ADAPTERS_SYSTEM_LOG_NOTIFIER_H
#define ALLOCD_ADAPTERS_SYSTEM_LOG_NOTIFIER_H

#include "bus/ports/logger.h"
#include "bus/ports/notifier.h"

struct event_base;

/* Base and logger outlive the notifier. */
struct notifier *log_notifier_new(struct event_base *base, struct logger *logger);

/* Drops the callbacks that are due.  Accepts NULL in *notifier and nulls it. */
void log_notifier_free(struct notifier **notifier);

#endif
