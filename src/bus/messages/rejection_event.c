/* What is known of a message may be malformed or long, so its texts are repaired and cut. */
#include "bus/messages/rejection_event.h"

#include "bus/messages/reason_code.h"
#include "core/base/utf8.h"

#include <string.h>

/* The schema allows as many characters.  Our own reasons have fewer bytes; the database's may have more. */
#define REASON_MAX 1000
#define PLACE_MAX  255

/* NULL if it is empty. */
static const char *bounded(const char *text, size_t max, struct arena *arena)
{
	char *copy = utf8_repaired(arena, text);

	copy[utf8_cut(copy, strlen(copy), max)] = '\0';
	return copy[0] ? copy : NULL;
}

/* What the publisher has sent: a command of a process is known to it by its event. */
static const struct delivery *sent_by_publisher(const struct delivery *dead)
{
	return dead->event ? dead->event : dead;
}

/*
 * The id by which the publisher knows the message, or NULL.  Redis has told it the id of a stream entry; the
 * workers' name for a message on pub/sub is known to them alone.
 */
static const char *id_of(const struct delivery *message)
{
	if (message->envelope.id)
		return message->envelope.id;
	return message->transport == TRANSPORT_STREAM ? message->first.entry_id : NULL;
}

struct envelope rejection_event(const struct delivery *dead, int64_t now, struct arena *arena)
{
	const struct delivery *sent = sent_by_publisher(dead);
	const char *source = sent->envelope.source, *reason = bounded(dead->reason, REASON_MAX, arena);
	struct envelope event = {.source = "", .traceparent = sent->envelope.traceparent, .occurred_at = now};

	message_init(&event.message, MSG_COMMAND_REJECTED);
	event.message.as.command_rejected = (struct command_rejected){
		.id = id_of(sent),
		.source = source && *source ? source : NULL,
		.place = bounded(sent->first.origin, PLACE_MAX, arena),
		.message = message_name(dead->type),
		.outcome = outcome_name(dead->outcome),
		.reason_code = reason_code_name(reason_code_of(dead)),
		.reason = reason ? reason : "no reason is known",
		.at = now,
	};
	return event;
}
