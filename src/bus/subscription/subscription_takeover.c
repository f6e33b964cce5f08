/* Where a new holder begins, and which of the messages that it heard the last one has left. */
#include "bus/subscription/leased_subscription_internal.h"

#include <stdio.h>
#include <string.h>

/* How long a new holder waits for its marker. */
#define MARKER_MS 2000

/* The most messages in one question to the store. */
#define ASKED_MAX 5000

/* The message's id, in `arena`; NULL: it has none. */
static const char *id_of(const struct leased_subscription *it, const struct heard_message *message,
			 struct arena *arena)
{
	struct codec *codec = it->ports.codec;
	struct envelope envelope;
	const char *error;

	if (!codec->ops->decode(codec, message->type, message->payload, arena, &envelope, &error))
		return NULL;
	return envelope.id;
}

/* Whether the inbox would know it by its id. */
static bool is_known_by_id(const struct leased_subscription *it, const struct heard_message *message)
{
	bool is_known = subscription_now_ms(it) - message->section->began_ms < KNOWN_BY_ID_MS &&
			id_of(it, message, it->names);

	arena_clear(it->names);
	return is_known;
}

/* Gives up the messages of doubtful sections, but for those that are known by an id; returns how many. */
static size_t give_up_doubtful(struct leased_subscription *it)
{
	size_t count = 0;

	for (struct heard_message *message = it->heard.first, *next; message; message = next) {
		next = message->next;
		if (!message->section->is_doubtful || is_known_by_id(it, message))
			continue;
		subscription_remove(it, message);
		count++;
	}
	return count;
}

static void give_up_before(struct leased_subscription *it, const struct heard_section *section)
{
	size_t count;

	for (struct heard_section *old = it->heard.first_section; old != section; old = old->next)
		old->is_doubtful = true;
	count = give_up_doubtful(it);
	heard_trim(&it->heard, section);
	if (!count)
		return;
	it->stats.not_covered += count;
	LOG(it->ports.logger, LOG_WARN,
	    "messages on pub/sub are given up: it is not known which of them the last holder handled",
	    LOG_NUMBER("messages", count));
}

/* Sets *question to one about the message.  False: the store knows it neither by a name nor by an id. */
static bool ask_about(struct leased_subscription *it, const struct heard_message *message,
		      struct dead_question *question)
{
	question->channel = it->channels[message->type];
	question->name = heard_name(message, it->arena);
	question->id = message->section->is_doubtful ? id_of(it, message, it->arena) : NULL;
	return question->name || question->id;
}

/* Chooses the next messages to ask about. */
static size_t choose(struct leased_subscription *it, struct dead_question *questions)
{
	size_t count = 0;

	for (struct heard_message *message = it->heard.first; message; message = message->next) {
		message->asked_as = 0;
		if (count == ASKED_MAX || !message->is_standby || message->is_judged)
			continue;
		message->is_judged = !ask_about(it, message, &questions[count]);
		message->asked_as = message->is_judged ? 0 : ++count;
	}
	return count;
}

static void judge(struct leased_subscription *it)
{
	for (struct heard_message *message = it->heard.first, *next; message; message = next) {
		next = message->next;
		message->is_judged = message->is_judged || message->asked_as;
		if (message->asked_as && it->found[message->asked_as - 1])
			subscription_remove(it, message);
	}
}

static void on_found(void *context, const struct failure *failure)
{
	struct leased_subscription *it = context;

	it->is_asking = false;
	if (it->state < FINDING)
		return;
	if (failure) {
		subscription_try_again(it);
		return;
	}
	if (!it->is_stale)
		judge(it);
	subscription_advance(it);
}

void subscription_find_dead(struct leased_subscription *it)
{
	struct checkpoints *checkpoints = it->ports.checkpoints;
	struct dead_question *questions;
	size_t count;

	if (it->is_asking)
		return;
	arena_clear(it->arena);
	questions = arena_alloc(it->arena, ASKED_MAX * sizeof *questions);
	it->found = arena_alloc(it->arena, ASKED_MAX * sizeof *it->found);
	count = choose(it, questions);
	if (!count) {
		if (it->state == FINDING)
			it->state = HANDLING;
		subscription_advance(it);
		return;
	}
	it->is_asking = true;
	it->is_stale = false;
	checkpoints->ops->find_dead(checkpoints, questions, count, it->found, on_found, it);
}

/*
 * Another worker had the lease since these messages were heard without a name, perhaps when this one had
 * it, and may have handled them under a name of its own.
 */
static void give_up_nameless(struct leased_subscription *it)
{
	for (struct heard_section *section = it->heard.first_section; section; section = section->next)
		section->is_doubtful |= !*section->name;
	it->stats.unnamed += give_up_doubtful(it);
}

/*
 * All messages wait in the buffer, and none is submitted.  What the last holder could handle may also be on
 * its way to this worker still, over the connection that it has: it is heard before a marker that is
 * published now.
 */
static void begin(struct leased_subscription *it, bool is_behind)
{
	const struct lease_keeper *keeper = it->ports.keeper;
	bool is_taken = lease_keeper_was_elsewhere(keeper, it) && !lease_keeper_is_resumed(keeper, it);

	it->is_behind = is_taken && is_behind;
	if (is_taken)
		give_up_nameless(it);
	for (struct heard_message *message = it->heard.first; message; message = message->next) {
		message->is_standby = true;
		message->is_judged = false;
	}
	it->next = it->heard.first;
	it->state = FINDING;
	if (it->is_behind)
		subscription_await_marker(it);
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
	begin(it, false);
}

/*
 * While the note named this section, what was handled from there on had names: so what this worker submitted
 * without one, as it did not know yet that it had lost the lease, was not handled.
 */
static void name_all(struct heard_section *section)
{
	for (; section; section = section->next)
		section->has_nameless = false;
}

void subscription_await_marker(struct leased_subscription *it)
{
	bool is_on_its_way = *it->awaited && subscription_now_ms(it) - it->awaited_ms < MARKER_MS;
	const char *marker = is_on_its_way ? NULL : it->ports.mark(it->ports.context);

	if (marker) {
		snprintf(it->awaited, sizeof it->awaited, "%s", marker);
		it->awaited_ms = subscription_now_ms(it);
	}
	subscription_try_again(it);
}

void subscription_place(struct leased_subscription *it)
{
	struct heard_section *section = heard_find(&it->heard, it->from);

	if (it->unanswered)
		return;
	if (section) {
		heard_drop_before(&it->heard, section); /* the last holder finished them */
		name_all(section);
		begin(it, true);
	} else if (!lease_keeper_was_elsewhere(it->ports.keeper, it)) {
		begin(it, false);
	} else if (subscription_now_ms(it) - it->placing_ms < MARKER_MS) {
		subscription_await_marker(it);
	} else {
		/* The last holder may have handled those of the last section without names, too. */
		give_up_before(it, NULL);
		begin(it, true);
		heard_begin_section(&it->heard, "", subscription_now_ms(it)); /* what comes now is handled */
	}
}
