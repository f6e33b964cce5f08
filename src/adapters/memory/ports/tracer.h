/*
 * The tracer port, in memory.  It keeps a line for each thing that is reported:
 *
 *     process allocate handled
 *     unit of 2, 1 attempt, 2 links: flush
 *     publish line_allocated 1
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_PORTS_TRACER_H
#define ALLOCD_ADAPTERS_MEMORY_PORTS_TRACER_H

#include "bus/tracing/tracer.h"

struct memory_tracer {
	struct tracer tracer;
	struct arena *arena;
	const char *told; /* all lines */
	struct span last_unit;
	struct span last_message;
};

/* Samples everything. */
void memory_tracer_init(struct memory_tracer *tracer);
void memory_tracer_release(struct memory_tracer *tracer);

#endif
