/* Changes an event that was encoded before: it is decoded, and encoded again in the way that it was. */
#include "adapters/codec/codec.h"

bool codec_event_change(enum message_type type, struct bytes payload, event_change *change, void *context,
			struct arena *arena, struct bytes *changed)
{
	static const struct codec_config reading = {CODEC_JSON, CODEC_BARE, ""};
	struct codec *codec = codec_new(&reading);
	struct envelope event;
	const char *error;
	bool ok = codec->ops->decode(codec, type, payload, arena, &event, &error) &&
		  change(context, &event, arena) &&
		  codec->ops->encode_like(codec, payload, &event, arena, changed, &error);

	codec_free(&codec);
	return ok;
}

static bool set_epoch(void *context, struct envelope *event, struct arena *arena)
{
	const int64_t *epoch = context;

	(void)arena;
	if (!field_named(message_descriptor(event->message.type), "epoch"))
		return false;
	message_set_number(&event->message, "epoch", *epoch);
	return true;
}

bool codec_event_set_epoch(enum message_type type, struct bytes payload, int64_t epoch, struct arena *arena,
			   struct bytes *renewed)
{
	return codec_event_change(type, payload, set_epoch, &epoch, arena, renewed);
}
