/*
 * The pairs of OTEL_RESOURCE_ATTRIBUTES and OTEL_EXPORTER_OTLP_HEADERS: NAME=VALUE, separated by commas and
 * percent-encoded, as in W3C Baggage without properties.
 */
#ifndef ALLOCD_ADAPTERS_OTLP_OTLP_PAIRS_H
#define ALLOCD_ADAPTERS_OTLP_OTLP_PAIRS_H

#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>

#define OTLP_PAIRS_MAX 32

struct otlp_pairs {
	const char *names[OTLP_PAIRS_MAX];
	const char *values[OTLP_PAIRS_MAX];
	size_t count;
};

/* Returns false for anything else: no or too many pairs, a name that is empty, control characters. */
bool otlp_pairs_parse(const char *text, struct arena *arena, struct otlp_pairs *pairs);

/* The value, or NULL. */
const char *otlp_pairs_value(const struct otlp_pairs *pairs, const char *name);

#endif
