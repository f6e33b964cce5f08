/* The exporter of traces, as the environment variables of OpenTelemetry configure it. */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_TRACING_H
#define ALLOCD_ENTRYPOINTS_MAIN_TRACING_H

#include "adapters/otlp/otlp_exporter.h"
#include "entrypoints/config/config.h"

struct tracing_parts {
	const struct config *config;
	struct event_base *base;
	struct logger *logger;
	const char *instance; /* this worker's name */
	otlp_find_servers *find_servers;
	void *context;
};

/* NULL: no receiver is configured, or none that takes JSON, which is logged. */
struct otlp_exporter *tracing_new(const struct tracing_parts *parts);

/* Reads "HOST:PORT", where an IPv6 address is in brackets; other texts are left out. */
struct otlp_server tracing_server(const char *text);

/* Adds what is wrong with those settings. */
void tracing_check(const struct config *config, struct faults *faults);

#endif
