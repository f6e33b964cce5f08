/* Reads and writes bare messages, and CloudEvents 1.0 envelopes in structured mode. */
#ifndef ALLOCD_ADAPTERS_CODEC_ENVELOPE_H
#define ALLOCD_ADAPTERS_CODEC_ENVELOPE_H

#include "adapters/codec/document.h"
#include "bus/ports/codec.h"

/* Reads a message of type `type`; one with `specversion` is a CloudEvent. */
bool envelope_read(struct object payload, enum message_type type, struct arena *arena,
		   struct envelope *envelope, const char **error);

/* The document of a bare message; NULL, with one sentence in *error, when a field violates its schema. */
struct document *bare_document(const struct envelope *envelope, struct arena *arena, const char **error);

/* The same for an event in an envelope from `source`. */
struct document *cloudevent_document(const struct envelope *event, const char *source, struct arena *arena,
				     const char **error);

#endif
