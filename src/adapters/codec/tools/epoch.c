/* Gives an event that was encoded before another epoch, for a database that was restored. */
#include "adapters/codec/codec.h"
#include "adapters/codec/msgpack/messagepack.h"

bool codec_event_set_epoch(enum message_type type, struct bytes payload, int64_t epoch, struct arena *arena,
			   struct bytes *renewed, const char **error)
{
	static const struct codec_config reading = {CODEC_JSON, CODEC_BARE, ""};
	struct codec *codec = codec_new(&reading);
	struct envelope envelope;
	bool ok = codec->ops->decode(codec, type, payload, arena, &envelope, error);

	codec_free(&codec);
	if (!ok)
		return false;
	message_set_number(&envelope.message, "epoch", epoch);
	codec = codec_new(&(struct codec_config){
		codec_is_messagepack(payload) ? CODEC_MSGPACK : CODEC_JSON,
		envelope.source[0] ? CODEC_CLOUDEVENTS : CODEC_BARE,
		envelope.source,
	});
	ok = codec->ops->encode(codec, &envelope, arena, renewed, error);
	codec_free(&codec);
	return ok;
}
