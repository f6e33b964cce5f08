/*
 * The codec port over JSON and MessagePack (msgpack-c), bare and in CloudEvents 1.0 structured
 * envelopes, and what the operator's commands need besides: a command from text, an event as text, a
 * payload with other fields.
 *
 * On failure each function leaves one sentence in *error, in `arena`.  It names the field and what was
 * expected, quotes nothing that a sender wrote, and so is short and safe to log.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_CODEC_H
#define ALLOCD_ADAPTERS_CODEC_CODEC_H

#include "bus/ports/codec.h"

enum codec_encoding { CODEC_JSON, CODEC_MSGPACK };
enum codec_envelope { CODEC_BARE, CODEC_CLOUDEVENTS };

/* How messages are written; how they are read, each payload tells itself. */
struct codec_config {
	enum codec_encoding encoding;
	enum codec_envelope envelope;
	const char *source; /* CloudEvents' source; copied */
};

/*
 * `decode` takes events too, as the port's words on commands say; an event's id is that of its envelope.
 *
 * `encode` writes the fields of the message and, in an envelope, `traceparent`; what an envelope says besides
 * comes from the message and the configuration.
 */
struct codec *codec_new(const struct codec_config *config);

/* Accepts NULL in *codec and nulls it. */
void codec_free(struct codec **codec);

/*
 * The payload, in bare JSON, of the command that `pairs` describe: `count` texts such as "qty=10", a value
 * being what the schema makes of it.  It satisfies its schema.  The error quotes the beginning of a name that
 * is no field's: whoever wrote it is the one who reads it.
 */
bool codec_command_from_pairs(enum message_type type, const char *const pairs[], size_t count,
			      struct arena *arena, struct bytes *payload, const char **error);

/*
 * Whether the edits, `count` texts such as "qty=5", make sense for a message of that type: each names a
 * field, has a value that its schema allows, or none where the field is optional ("eta=": it is taken
 * away).
 */
bool codec_edits_check(enum message_type type, const char *const edits[], size_t count, struct arena *arena,
		       const char **error);

/*
 * The payload with edits that were checked, as JSON, whatever it was encoded in; all else in it stays.  Of a
 * CloudEvent, id and occurred_at are what its envelope says.
 */
bool codec_payload_edit(enum message_type type, struct bytes payload, const char *const edits[], size_t count,
			struct arena *arena, struct bytes *edited, const char **error);

/*
 * Any payload, envelope and all, as one line of JSON (without a newline), whether its schema is known or not.
 * What JSON cannot say is null (NaN) or "binary" (MessagePack's bytes and extensions).
 */
bool codec_payload_to_line(struct bytes payload, struct arena *arena, const char **line, const char **error);

#endif
