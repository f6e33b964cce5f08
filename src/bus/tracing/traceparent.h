/* W3C Trace Context: the trace that a message belongs to. */
#ifndef ALLOCD_BUS_TRACING_TRACEPARENT_H
#define ALLOCD_BUS_TRACING_TRACEPARENT_H

#include "core/base/arena.h"

#include <stdbool.h>

/*
 * Returns a copy in `arena`, in the form of version 00, or NULL when the text is malformed.  W3C's
 * recommendation says that a malformed one is to be ignored.
 */
const char *traceparent_read(const char *text, size_t length, struct arena *arena);

#define TRACE_ID_LENGTH 32
#define SPAN_ID_LENGTH  16

/* The trace of what traceparent_read() returned, in `arena`; NULL for NULL, and for another length. */
const char *trace_id_of(const char *traceparent, struct arena *arena);

/* In lower-case hex; "": there is no span. */
struct span_context {
	char trace_id[TRACE_ID_LENGTH + 1];
	char span_id[SPAN_ID_LENGTH + 1];
};

/* The span that a result of traceparent_read() names, and whether it is sampled. */
struct span_context traceparent_context(const char *traceparent);
bool traceparent_is_sampled(const char *traceparent);

#endif
