/* What is known of a message may be malformed or long, so its texts are repaired and cut. */
#include "bus/messages/rejection_event.h"

#include "bus/messages/reason_code.h"
#include "core/base/utf8.h"

#include <string.h>

/* The schema allows as many characters.  Our own reasons have fewer bytes; the database's may have more. */
#define REASON_MAX 1000

static const char *reason_of(const struct delivery *dead, struct arena *arena)
{
	char *reason = utf8_repaired(arena, dead->reason);

	reason[utf8_cut(reason, strlen(reason), REASON_MAX)] = '\0';
	return reason[0] ? reason : "no reason is known";
}

/*
 * The id by which the publisher knows the message, or NULL.  Redis has told it the id of a stream entry; the
 * workers' name for a message on pub/sub is known to them alone.  A command of a process is known by its
 * event.
 */
static const char *id_of(const struct delivery *dead)
{
	const struct delivery *message = dead->event ? dead->event : dead;

	if (message->envelope.id)
		return message->envelope.id;
	return message->transport == TRANSPORT_STREAM ? message->first.entry_id : NULL;
}

struct envelope rejection_event(const struct delivery *dead, int64_t now, struct arena *arena)
{
	struct envelope event = {.id = id_of(dead),
				 .source = "",
				 .traceparent = dead->event ? dead->event->envelope.traceparent
							    : dead->envelope.traceparent,
				 .occurred_at = now};

	message_init(&event.message, MSG_COMMAND_REJECTED);
	event.message.as.command_rejected = (struct command_rejected){
		.id = event.id,
		.message = message_name(dead->type),
		.outcome = outcome_name(dead->outcome),
		.reason_code = reason_code_name(reason_code_of(dead)),
		.reason = reason_of(dead, arena),
		.at = now,
	};
	return event;
}
