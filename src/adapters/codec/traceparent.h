/* The trace that a message belongs to: W3C Trace Context, `traceparent`. */
#ifndef ALLOCD_ADAPTERS_CODEC_TRACEPARENT_H
#define ALLOCD_ADAPTERS_CODEC_TRACEPARENT_H

#include "adapters/codec/value.h"
#include "core/base/arena.h"

/*
 * A copy in `arena`, in the form of version 00.  NULL when the text is malformed: as the recommendation has
 * it, that ends the trace and harms nothing else.
 */
const char *traceparent_read(struct text text, struct arena *arena);

#endif
