/* The exporter of traces, as the environment variables of OpenTelemetry configure it. */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_TRACING_H
#define ALLOCD_ENTRYPOINTS_MAIN_TRACING_H

#include "adapters/otlp/otlp_exporter.h"
#include "entrypoints/config/config.h"

/*
 * NULL: no receiver is configured, or none that takes JSON, which is logged.  `instance` is this worker's
 * name.
 */
struct otlp_exporter *tracing_new(const struct config *config, struct event_base *base, struct logger *logger,
				  const char *instance);

/* Adds what is wrong with those settings. */
void tracing_check(const struct config *config, struct faults *faults);

#endif
