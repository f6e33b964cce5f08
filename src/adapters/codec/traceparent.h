/* W3C Trace Context: the trace that a message belongs to. */
#ifndef ALLOCD_ADAPTERS_CODEC_TRACEPARENT_H
#define ALLOCD_ADAPTERS_CODEC_TRACEPARENT_H

#include "adapters/codec/value.h"
#include "core/base/arena.h"

/*
 * Returns a copy in `arena`, in the form of version 00, or NULL when the text is malformed: by the
 * recommendation that ends the trace and has no other effect.
 */
const char *traceparent_read(struct text text, struct arena *arena);

#endif
