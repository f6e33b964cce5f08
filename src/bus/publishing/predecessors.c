/* The predecessors of the program's events, and how they are made. */
#include "bus/publishing/predecessors.h"

/* ---- as_NAME for each event that was replaced, by its name ---- */

#define PREDECESSOR(type, name, successor) {type, successor, as_##name},
const struct predecessor event_predecessors[] = {
	FOR_EACH_REPLACED_EVENT(PREDECESSOR){MSG_NONE, MSG_NONE, NULL}};

/* ---- making them ---- */

/* Returns the error, in `scratch`, or NULL. */
static const char *make(const struct predecessor_maker *maker, const struct predecessor *predecessor,
			const struct outgoing *event, struct arena *scratch, struct bytes *payload)
{
	const struct codec_ops *codec = maker->codec->ops;
	struct envelope successor, made;
	const char *error;

	if (!codec->decode(maker->codec, event->type, event->payload, scratch, &successor, &error))
		return error;
	made = successor;
	message_init(&made.message, predecessor->type);
	fields_copy(message_descriptor(predecessor->type), &made.message.as, message_descriptor(event->type),
		    &successor.message.as);
	predecessor->set_fields(&successor.message, &made.message);
	return codec->encode_like(maker->codec, event->payload, &made, scratch, payload, &error) ? NULL
												 : error;
}

/* Appends the predecessor of the event to a growing array. */
static void append(const struct predecessor_maker *maker, const struct predecessor *predecessor,
		   const struct outgoing *event, struct arena *arena, struct outgoing **events, size_t *count)
{
	struct arena *scratch = arena_new(4096);
	struct bytes payload = {0};
	const char *error = make(maker, predecessor, event, scratch, &payload);

	if (error) {
		LOG(maker->logger, LOG_ERROR, "an event is not published under the name that it replaced",
		    LOG_TEXT("message", message_name(predecessor->type)), LOG_TEXT("error", error));
	} else {
		*events = arena_grow(arena, *events, *count, sizeof **events);
		(*events)[(*count)++] = (struct outgoing){
			.type = predecessor->type,
			.payload = {arena_copy(arena, payload.data, payload.size), payload.size},
			.is_predecessor = true,
		};
	}
	arena_free(&scratch);
}

void predecessors_insert(const struct predecessor_maker *maker, struct arena *arena, struct outgoing **events,
			 size_t *count)
{
	struct outgoing *all = NULL;
	size_t all_count = 0;

	if (!maker->known || maker->known->type == MSG_NONE)
		return;
	for (size_t i = 0; i < *count; i++) {
		const struct outgoing *event = &(*events)[i];

		all = arena_grow(arena, all, all_count, sizeof *all);
		all[all_count++] = *event;
		for (const struct predecessor *each = maker->known; each->type != MSG_NONE; each++) {
			if (each->successor == event->type)
				append(maker, each, event, arena, &all, &all_count);
		}
	}
	*events = all;
	*count = all_count;
}
