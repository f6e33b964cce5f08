/* Keeps when the last messages were received, handled and committed. */
#include "bus/statistics/message_times.h"

#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

struct message_times {
	struct message_time all[MESSAGE_TIMES_MAX];
	struct unit_times units[MESSAGE_TIMES_MAX];
	size_t count, unit_count; /* since the start; number n is at index n % MESSAGE_TIMES_MAX */
};

struct message_times *message_times_new(void)
{
	return must_alloc(sizeof(struct message_times));
}

void message_times_free(struct message_times **times)
{
	free(*times);
	*times = NULL;
}

void message_times_begin_unit(struct message_times *times, const struct unit_times *unit)
{
	times->units[++times->unit_count % MESSAGE_TIMES_MAX] = *unit;
}

/* It is called for each message, so it copies as little as it can. */
void message_times_note(struct message_times *times, const struct delivery *delivery)
{
	const char *id = delivery->envelope.id;
	struct message_time *time;
	size_t length;

	if (!id)
		return;
	time = &times->all[times->count++ % MESSAGE_TIMES_MAX];
	length = strlen(id);
	if (length >= MESSAGE_TIMES_ID)
		length = MESSAGE_TIMES_ID - 1;
	memcpy(time->id, id, length);
	time->id[length] = '\0';
	time->transport = delivery->transport;
	time->published_us = delivery->published_us;
	time->received_us = delivery->received_us;
	time->unit = times->unit_count;
}

const struct message_time *message_times_find(const struct message_times *times, const char *id,
					      const struct unit_times **unit)
{
	size_t first = times->count > MESSAGE_TIMES_MAX ? times->count - MESSAGE_TIMES_MAX : 0;

	for (size_t i = times->count; i > first; i--) {
		const struct message_time *time = &times->all[(i - 1) % MESSAGE_TIMES_MAX];

		if (strncmp(time->id, id, MESSAGE_TIMES_ID - 1) != 0)
			continue;
		*unit = &times->units[time->unit % MESSAGE_TIMES_MAX];
		return times->unit_count - time->unit < MESSAGE_TIMES_MAX ? time : NULL;
	}
	return NULL;
}
