/* Where a new holder begins, and which of the messages that it heard the last one has left. */
#include "bus/subscription/leased_subscription_internal.h"

#include <stdio.h>
#include <string.h>

/* How long a new holder waits for its marker. */
#define MARKER_MS 2000

static void give_up_before(struct leased_subscription *it, const struct heard_section *section)
{
	size_t count = heard_drop_before(&it->heard, section);

	if (!count)
		return;
	it->stats.not_covered += count;
	LOG(it->ports.logger, LOG_WARN,
	    "messages on pub/sub are given up: it is not known which of them the last holder handled",
	    LOG_NUMBER("messages", count));
}

static size_t name_unsubmitted(struct leased_subscription *it, const char **channels, const char **names)
{
	size_t count = 0;

	for (struct heard_message *message = it->heard.first; message; message = message->next) {
		names[count] = heard_name(message, it->arena);
		message->asked_as = names[count] ? count + 1 : 0;
		channels[count] = it->channels[message->type];
		count += message->asked_as != 0;
	}
	return count;
}

static void on_found(void *context, const struct failure *failure)
{
	struct leased_subscription *it = context;

	it->is_asking = false;
	if (it->state != FINDING)
		return;
	if (failure || it->is_stale) {
		subscription_try_again(it);
		return;
	}
	for (struct heard_message *message = it->heard.first, *next; message; message = next) {
		next = message->next;
		if (message->asked_as && it->found[message->asked_as - 1])
			subscription_remove(it, message);
		else
			message->asked_as = 0;
	}
	it->state = HANDLING;
	subscription_advance(it);
}

void subscription_find_dead(struct leased_subscription *it)
{
	struct checkpoints *checkpoints = it->ports.checkpoints;
	const char **channels, **names;
	size_t room = 1, count;

	if (it->is_asking)
		return;
	for (const struct heard_message *message = it->heard.first; message; message = message->next)
		room++;
	arena_clear(it->arena);
	channels = arena_alloc(it->arena, room * sizeof *channels);
	names = arena_alloc(it->arena, room * sizeof *names);
	it->found = arena_alloc(it->arena, room * sizeof *it->found);
	count = name_unsubmitted(it, channels, names);
	it->is_asking = true;
	it->is_stale = false;
	if (count)
		checkpoints->ops->find_dead(checkpoints, channels, names, count, it->found, on_found, it);
	else
		on_found(it, NULL);
}

/* All messages wait in the buffer, and none is submitted. */
static void begin(struct leased_subscription *it)
{
	for (struct heard_message *message = it->heard.first; message; message = message->next)
		message->is_standby = true;
	it->next = it->heard.first;
	it->state = FINDING;
	subscription_find_dead(it);
}

/* Whether the section of the last holder is one of the server that this worker hears now. */
static bool is_of_this_server(const struct leased_subscription *it)
{
	return *it->run_id && !strncmp(it->from, it->run_id, strlen(it->run_id));
}

/*
 * This worker has heard a marker that was published after the last holder's note was read.  So if it does not
 * know the section of that note, that section was before its connection was made.
 */
void subscription_marker_heard(struct leased_subscription *it)
{
	const struct heard_section *section =
		is_of_this_server(it) ? heard_since_cut(&it->heard) : it->heard.last_section;

	if (heard_find(&it->heard, it->from)) {
		subscription_place(it);
		return;
	}
	while (!*section->name && section->next) /* what has no name may have been handled */
		section = section->next;
	give_up_before(it, section);
	begin(it);
}

static void await_marker(struct leased_subscription *it)
{
	const char *marker = *it->awaited ? NULL : it->ports.mark(it->ports.context);

	if (marker)
		snprintf(it->awaited, sizeof it->awaited, "%s", marker);
	subscription_try_again(it);
}

void subscription_place(struct leased_subscription *it)
{
	const struct heard_section *section = heard_find(&it->heard, it->from);

	if (it->unanswered)
		return;
	if (section) {
		heard_drop_before(&it->heard, section); /* the last holder finished them */
		begin(it);
	} else if (!lease_keeper_was_elsewhere(it->ports.keeper, it)) {
		begin(it);
	} else if (subscription_now_ms(it) - it->began_ms < MARKER_MS) {
		await_marker(it);
	} else {
		give_up_before(it, it->heard.last_section);
		begin(it);
	}
}
