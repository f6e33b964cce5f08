/* W3C Trace Context: the trace that a message belongs to. */
#ifndef ALLOCD_BUS_TRACING_TRACEPARENT_H
#define ALLOCD_BUS_TRACING_TRACEPARENT_H

#include "core/base/arena.h"

#include <stdbool.h>

/*
 * Returns a copy in `arena`, in the form of version 00, or NULL when the text is malformed: by the
 * recommendation that ends the trace and has no other effect.
 */
const char *traceparent_read(const char *text, size_t length, struct arena *arena);

#define TRACE_ID_LENGTH 32
#define SPAN_ID_LENGTH  16

struct trace_id {
	char text[TRACE_ID_LENGTH + 1];
};

/* The trace of what traceparent_read() returned; "" for NULL. */
struct trace_id trace_id_of(const char *traceparent);

/* In lower-case hex; "": none. */
struct span_context {
	char trace_id[TRACE_ID_LENGTH + 1];
	char span_id[SPAN_ID_LENGTH + 1];
};

/* What traceparent_read() returned names this span, which is sampled or not. */
struct span_context traceparent_context(const char *traceparent);
bool traceparent_is_sampled(const char *traceparent);

#endif
