/* W3C Trace Context: the trace that a message belongs to. */
#ifndef ALLOCD_BUS_TRACING_TRACEPARENT_H
#define ALLOCD_BUS_TRACING_TRACEPARENT_H

#include "core/base/arena.h"

/*
 * Returns a copy in `arena`, in the form of version 00, or NULL when the text is malformed: by the
 * recommendation that ends the trace and has no other effect.
 */
const char *traceparent_read(const char *text, size_t length, struct arena *arena);

#define TRACE_ID_LENGTH 32

struct trace_id {
	char text[TRACE_ID_LENGTH + 1];
};

/* The trace of what traceparent_read() returned; "" for NULL. */
struct trace_id trace_id_of(const char *traceparent);

#endif
