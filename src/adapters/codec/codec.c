/* The codec port: decodes and encodes every payload. */
#include "adapters/codec/codec.h"

#include "adapters/codec/envelope.h"
#include "adapters/codec/invalid.h"
#include "adapters/codec/json/json_reader.h"
#include "adapters/codec/json/json_writer.h"
#include "adapters/codec/msgpack/messagepack.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

/* Of the usual document. */
#define SCRATCH_SIZE 2048

struct message_codec {
	struct codec codec;
	struct codec_config config;
	struct arena *scratch; /* for the document of a message that is encoded */
	char source[];
};

static struct message_codec *downcast(struct codec *codec)
{
	return (struct message_codec *)codec;
}

/* ---- in ---- */

static bool decode_json(enum message_type expected, struct bytes payload, struct arena *arena,
			struct envelope *envelope, const char **error)
{
	struct json_document document;
	bool ok;

	if (!codec_read_json(payload, arena, &document, error))
		return false;
	ok = envelope_read(codec_view_json(&document), expected, arena, envelope, error);
	codec_release_json(&document);
	return ok;
}

static bool decode_messagepack(enum message_type expected, struct bytes payload, struct arena *arena,
			       struct envelope *envelope, const char **error)
{
	msgpack_unpacked unpacked;
	bool ok;

	if (!codec_read_messagepack(payload, arena, &unpacked, error))
		return false;
	if (codec_is_ambiguous_messagepack(&unpacked.data))
		ok = invalid(arena, error, "payload", "expected MessagePack without duplicate keys");
	else
		ok = envelope_read(codec_view_messagepack(&unpacked.data), expected, arena, envelope, error);
	msgpack_unpacked_destroy(&unpacked);
	return ok;
}

static bool decode(struct codec *codec, enum message_type expected, struct bytes payload, struct arena *arena,
		   struct envelope *envelope, const char **error)
{
	(void)codec;
	if (payload.size > PAYLOAD_MAX)
		return invalid(arena, error, "payload", "expected at most %zu bytes", PAYLOAD_MAX);
	if (codec_is_messagepack(payload))
		return decode_messagepack(expected, payload, arena, envelope, error);
	return decode_json(expected, payload, arena, envelope, error);
}

/* ---- out ---- */

static bool write(struct arena *scratch, const struct codec_config *form, const struct envelope *envelope,
		  struct arena *arena, struct bytes *payload, const char **error)
{
	const struct document *document;

	arena_clear(scratch);
	document = form->envelope == CODEC_CLOUDEVENTS
			   ? cloudevent_document(envelope, form->source, scratch, error)
			   : bare_document(envelope, scratch, error);
	if (!document) {
		*error = arena_strdup(arena, *error);
		return false;
	}
	*payload = form->encoding == CODEC_JSON ? codec_write_json(document, arena)
						: codec_write_messagepack(document, arena);
	return true;
}

static bool encode(struct codec *codec, const struct envelope *envelope, struct arena *arena,
		   struct bytes *payload, const char **error)
{
	static const struct codec_config of_commands = {CODEC_JSON, CODEC_BARE, ""};
	bool is_event = message_descriptor(envelope->message.type)->role == ROLE_EVENT;

	return write(downcast(codec)->scratch, is_event ? &downcast(codec)->config : &of_commands, envelope,
		     arena, payload, error);
}

/* Only a bare message has no source. */
static bool encode_like(struct codec *codec, struct bytes model, const struct envelope *envelope,
			struct arena *arena, struct bytes *payload, const char **error)
{
	const struct codec_config form = {
		codec_is_messagepack(model) ? CODEC_MSGPACK : CODEC_JSON,
		envelope->source[0] ? CODEC_CLOUDEVENTS : CODEC_BARE,
		envelope->source,
	};

	return write(downcast(codec)->scratch, &form, envelope, arena, payload, error);
}

/* ---- */

static const struct codec_ops message_codec_ops = {
	.decode = decode,
	.encode = encode,
	.encode_like = encode_like,
};

struct codec *codec_new(const struct codec_config *config)
{
	size_t source_size = strlen(config->source) + 1;
	struct message_codec *it = must_alloc(sizeof *it + source_size);

	it->codec.ops = &message_codec_ops;
	it->config = *config;
	it->scratch = arena_new(SCRATCH_SIZE);
	it->config.source = memcpy(it->source, config->source, source_size);
	return &it->codec;
}

void codec_free(struct codec **codec)
{
	if (!*codec)
		return;
	arena_free(&downcast(*codec)->scratch);
	free(downcast(*codec));
	*codec = NULL;
}
