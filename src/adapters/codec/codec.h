/*
 * The codec port over JSON and MessagePack (msgpack-c), bare and in CloudEvents 1.0 structured
 * envelopes.  Further functions serve the operator's commands: they make a command from text, edit the
 * fields of a payload, give an event another epoch, and show a payload as text.
 *
 * On failure each function sets *error to one sentence, in `arena`.  It names the field and what was
 * expected, and quotes no part of the payload, so it is short and safe to log.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_CODEC_H
#define ALLOCD_ADAPTERS_CODEC_CODEC_H

#include "bus/ports/codec.h"

enum codec_encoding { CODEC_JSON, CODEC_MSGPACK };
enum codec_envelope { CODEC_BARE, CODEC_CLOUDEVENTS };

/* How events are encoded.  The encoding of a payload that is decoded is recognized from its bytes. */
struct codec_config {
	enum codec_encoding encoding;
	enum codec_envelope envelope;
	const char *source; /* CloudEvents' source; copied */
};

/*
 * `decode` accepts events, too, by the rules of the port for commands; an event's id is that of its envelope.
 *
 * `encode` writes the fields of the message and, in an envelope, `traceparent`; the other attributes of an
 * envelope come from the message and the configuration.
 */
struct codec *codec_new(const struct codec_config *config);

/* Accepts NULL in *codec and nulls it. */
void codec_free(struct codec **codec);

/*
 * The payload, in bare JSON, of the command that `pairs` describe: `count` texts such as "qty=10", whose
 * values have the type that the schema says.  The payload satisfies its schema.  The error quotes the
 * beginning of an unknown name, because the operator who wrote it reads it.
 */
bool codec_command_from_pairs(enum message_type type, const char *const pairs[], size_t count,
			      struct arena *arena, struct bytes *payload, const char **error);

/*
 * Whether the edits, `count` texts such as "qty=5", are valid for a message of that type: each names a field
 * and has a value that its schema allows, or no value where the field is optional ("eta=" removes it).
 */
bool codec_edits_check(enum message_type type, const char *const edits[], size_t count, struct arena *arena,
		       const char **error);

/*
 * Applies edits that were checked, and returns the payload as JSON for either encoding; the rest of it stays
 * unchanged.  The id and occurred_at of a CloudEvent are edited in its envelope.
 */
bool codec_payload_edit(enum message_type type, struct bytes payload, const char *const edits[], size_t count,
			struct arena *arena, struct bytes *edited, const char **error);

/* Changes a decoded event, with texts in `arena`; returns false if it stays as it is. */
typedef bool event_change(void *context, struct envelope *event, struct arena *arena);

/*
 * An event that was encoded before, changed, in the same encoding and envelope.  Returns false if it cannot
 * be read or stays as it is.
 */
bool codec_event_change(enum message_type type, struct bytes payload, event_change *change, void *context,
			struct arena *arena, struct bytes *changed);

/* The same with that epoch.  An event that is no product's bears none, and stays as it is. */
bool codec_event_set_epoch(enum message_type type, struct bytes payload, int64_t epoch, struct arena *arena,
			   struct bytes *renewed);

/*
 * Any payload, its envelope included, as one line of JSON (without a newline), with or without a known
 * schema.  Values that JSON cannot express become null (NaN) or "binary" (bytes and extensions of
 * MessagePack).
 */
bool codec_payload_to_line(struct bytes payload, struct arena *arena, const char **line, const char **error);

/*
 * Replaces `old` by another text wherever a member with one of the names (ended by NULL) has it as its
 * value, at any depth and in either encoding.  Values are compared once their escapes are resolved;
 * everything else stays as it is, byte by byte.  The payload may be malformed.  Returns how many values
 * were replaced; if there were any, *replaced is the new payload.
 */
size_t codec_payload_replace(struct bytes payload, const char *const names[], const char *old,
			     const char *replacement, struct arena *arena, struct bytes *replaced);

/*
 * The same for a text without a structure, in which `old` is replaced where it is a whole word: not within
 * `order-10` or `my-order-1`.  A NUL that is not counted follows the new text.
 */
size_t codec_words_replace(struct bytes text, const char *old, const char *replacement, struct arena *arena,
			   struct bytes *replaced);

#endif
