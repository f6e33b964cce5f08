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

struct message_codec {
	struct codec codec;
	enum codec_encoding encoding;
	enum codec_envelope envelope;
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

static bool encode(struct codec *codec, const struct envelope *envelope, struct arena *arena,
		   struct bytes *payload, const char **error)
{
	const struct message_codec *it = downcast(codec);
	bool is_event = message_descriptor(envelope->message.type)->role == ROLE_EVENT;
	const struct document *document;

	if (is_event && it->envelope == CODEC_CLOUDEVENTS)
		document = cloudevent_document(envelope, it->source, arena, error);
	else
		document = bare_document(envelope, arena, error);
	if (!document)
		return false;
	*payload = !is_event || it->encoding == CODEC_JSON ? codec_write_json(document, arena)
							   : codec_write_messagepack(document, arena);
	return true;
}

/* ---- */

static const struct codec_ops message_codec_ops = {
	.decode = decode,
	.encode = encode,
};

struct codec *codec_new(const struct codec_config *config)
{
	size_t source_size = strlen(config->source) + 1;
	struct message_codec *it = must_alloc(sizeof *it + source_size);

	it->codec.ops = &message_codec_ops;
	it->encoding = config->encoding;
	it->envelope = config->envelope;
	memcpy(it->source, config->source, source_size);
	return &it->codec;
}

void codec_free(struct codec **codec)
{
	if (!*codec)
		return;
	free(downcast(*codec));
	*codec = NULL;
}
