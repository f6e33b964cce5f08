/* What a worker does with what it hears, with the lease and without it. */
#include "bus/subscription/leased_subscription.h"

#include "bus/subscription/leased_subscription_internal.h"
#include "core/base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A worker that could commit nothing for this time lets another one have the lease. */
#define STANDSTILL_MS 5000

/* A candidate that does not have all that may be unfinished leaves the lease to others for this time. */
#define LEAVE_MS 1000

/*
 * One that has heard Redis and the database for this time may take the lease from a holder that cannot do the
 * work: after a loss of all connections the holder continues before that.
 */
#define SETTLED_MS (PARTIAL_HOLDER_MS + 2 * LEASE_BEAT_MS)

/* ---- the others ---- */

/* Since when it has heard both Redis and the database; INT64_MAX: it does not hear both. */
static int64_t hears_since_ms(const struct leased_subscription *it)
{
	int64_t since_ms = lease_keeper_rolls_since_ms(it->ports.keeper);

	return since_ms > it->up_ms ? since_ms : it->up_ms;
}

static void see_others(struct leased_subscription *it)
{
	const struct lease_keeper *keeper = it->ports.keeper;
	bool is_new =
		lease_keeper_has_company(keeper) && subscription_now_ms(it) - it->company_ms > COMPANY_MS;

	if (lease_keeper_has_company(keeper))
		it->company_ms = subscription_now_ms(it);
	if (lease_keeper_is_elsewhere(keeper, it) &&
	    (lease_keeper_holder_could_have(keeper, it) ||
	     subscription_now_ms(it) - hears_since_ms(it) < SETTLED_MS))
		it->had_ms = subscription_now_ms(it);
	if (is_new && it->lease)
		it->ports.mark(it->ports.context); /* names are used from there on */
}

/* Whether another worker may take over. */
static bool is_shared(const struct leased_subscription *it)
{
	return subscription_now_ms(it) - it->company_ms <= COMPANY_MS;
}

/* Whether the others have not had the time yet to take the lease from a holder that did not hear all. */
static bool is_awaiting_taker(const struct leased_subscription *it)
{
	return it->is_partial &&
	       (it->state == FINISHING || subscription_now_ms(it) - hears_since_ms(it) < PARTIAL_HOLDER_MS);
}

/* While no roll is read, it is not known whether there are others. */
static bool is_partial(const struct leased_subscription *it)
{
	const struct lease_keeper *keeper = it->ports.keeper;

	return is_awaiting_taker(it) &&
	       (lease_keeper_has_company(keeper) || lease_keeper_rolls_since_ms(keeper) == INT64_MAX);
}

/* Whether what is handled without a name would be handled again by a worker that takes over. */
static bool needs_names(const struct leased_subscription *it)
{
	const char *note = lease_keeper_note(it->ports.keeper, it);

	return !note || *note;
}

/* Whether the store must say first whether the next message is a dead letter. */
static bool is_unjudged(const struct leased_subscription *it)
{
	return it->state == FINDING || (it->next && it->next->is_standby && !it->next->is_judged);
}

/* ---- reading ---- */

/*
 * While a worker waits for the lease it always reads, so that Redis does not disconnect it.  So it does while
 * it is placing, because it may have to hear a marker.
 */
static void open_or_close(struct leased_subscription *it)
{
	bool is_full = !is_shared(it) || it->heard.bytes > HEARD_BYTES_MAX;
	bool close = it->state > PLACING && is_full && (it->is_paused || is_unjudged(it) || is_partial(it));

	if (close == it->is_closed)
		return;
	it->is_closed = close;
	(close ? it->ports.pause : it->ports.resume)(it->ports.context);
}

/* A worker that has freed the section of the note, too, leaves the lease to one that kept more. */
static void drop_oldest(struct leased_subscription *it)
{
	struct heard_message *message = it->heard.first;

	if (it->state > PLACING || it->heard.bytes <= HEARD_BYTES_MAX)
		return;
	if (!it->stats.dropped)
		LOG(it->ports.logger, LOG_WARN,
		    "messages that were heard for the next holder of pub/sub are dropped: there are too many",
		    LOG_NUMBER("messages", 1));
	heard_trim(&it->heard, NULL);
	while (it->heard.bytes > HEARD_BYTES_MAX && message) {
		struct heard_message *next = message->next;

		if (!message->is_submitted) {
			subscription_remove(it, message);
			it->stats.dropped++;
		}
		message = next;
	}
}

/* ---- handling ---- */

static void on_answered(void *context, const struct delivery *delivery)
{
	struct heard_message *message = context;
	struct leased_subscription *it = message->owner;

	it->unanswered--;
	message->is_submitted = false;
	if (delivery->outcome != OUTCOME_POSTPONED) /* which it is when the lease is lost */
		subscription_remove(it, message);
	if (!it->unanswered && it->state == PLACING) {
		it->placing_ms = subscription_now_ms(it);
		subscription_advance(it);
	}
}

static void submit(struct leased_subscription *it, struct heard_message *message, const char *name)
{
	message->is_submitted = true;
	message->section->has_nameless |= !name;
	it->unanswered++;
	it->stats.taken_over += message->is_standby;
	it->next = message->next;
	admission_submit(it->ports.admission, &(struct arrival){
						      .transport = TRANSPORT_PUBSUB,
						      .origin = it->channels[message->type],
						      .entry_id = name,
						      .lease = it->lease,
						      .type = message->type,
						      .payload = message->payload,
						      .payload_size = message->payload_size,
						      .answered = on_answered,
						      .context = message,
					      });
}

/* Leaves all that is not submitted to the next holder. */
static void leave_messages(struct leased_subscription *it)
{
	for (struct heard_message *message = it->next; message; message = message->next)
		message->is_left = true;
}

/* Submits the next message.  False: its way is not clear yet. */
static bool submit_next(struct leased_subscription *it)
{
	bool is_named = it->next->is_standby || is_shared(it) || needs_names(it);
	const char *name;

	if (is_unjudged(it)) {
		subscription_find_dead(it);
		return false;
	}
	name = is_named ? heard_name(it->next, it->names) : NULL;
	it->must_clear = !name && needs_names(it);
	if (it->must_clear && it->state == FINISHING) {
		leave_messages(it);
		return false;
	}
	if (it->must_clear) {
		lease_keeper_check(it->ports.keeper);
		subscription_try_again(it);
		return false;
	}
	submit(it, it->next, name);
	arena_clear(it->names);
	return true;
}

/*
 * What is finished is kept from the section of the note on: it gets the lease back with that note, perhaps.
 */
static void trim(struct leased_subscription *it)
{
	const char *note = lease_keeper_note(it->ports.keeper, it);

	if (note)
		heard_trim(&it->heard, heard_find(&it->heard, note));
}

static void pump(struct leased_subscription *it)
{
	while (it->next && !it->next->is_left && !it->is_paused && submit_next(it))
		;
	trim(it);
	open_or_close(it);
}

static void wait_for_taker(struct leased_subscription *it)
{
	subscription_try_again(it);
	open_or_close(it);
}

void subscription_advance(struct leased_subscription *it)
{
	if (it->is_behind && it->state != FINISHING)
		subscription_await_marker(it);
	if (it->state == PLACING)
		subscription_place(it);
	else if (it->state == FINDING)
		subscription_find_dead(it);
	else if (it->state != LISTENING && is_partial(it))
		wait_for_taker(it);
	else if (it->state != LISTENING)
		pump(it);
}

static void on_timer(void *context)
{
	subscription_advance(context);
}

/* ---- what the lease means ---- */

/* Whether it heard all that may be unfinished. */
static bool covers(const struct leased_subscription *it)
{
	const char *note = lease_keeper_note(it->ports.keeper, it);
	const struct heard_section *section = note ? heard_find(&it->heard, note) : NULL;

	/*
	 * A worker that was started again while others are alive does not know when they take over; and a
	 * candidate that died keeps the lease from the others until they take it for dead.  A holder that is
	 * alive continues, perhaps, with what only it has heard.
	 */
	int64_t patience_ms = lease_keeper_was_elsewhere(it->ports.keeper, it) &&
					      !lease_keeper_is_elsewhere(it->ports.keeper, it) &&
					      !lease_keeper_has_rival(it->ports.keeper, it)
				      ? LEAVE_MS
				      : LEASE_TTL_MS + LEASE_BEAT_MS + LEAVE_MS;

	return !note || !*note || (section && !heard_is_cut_since(section)) ||
	       !lease_keeper_has_company(it->ports.keeper) ||
	       subscription_now_ms(it) - it->had_ms >= patience_ms;
}

/*
 * What the holder has finished is not kept.  Of a holder that names no section, little can be taken over;
 * but since the last roll, which may be old, it may have named one.
 */
static void forget_finished(struct leased_subscription *it)
{
	const struct lease_keeper *keeper = it->ports.keeper;
	const char *note = lease_keeper_note(keeper, it);
	const struct heard_section *section = it->heard.first_section;

	if (!note || !lease_keeper_is_elsewhere(keeper, it))
		return;
	if (*note)
		section = heard_find(&it->heard, note);
	else if (lease_keeper_was_elsewhere(keeper, it))
		while (section->next && section->next != it->heard.last_section &&
		       section->next->began_ms < lease_keeper_rolled_ms(keeper))
			section = section->next;
	if (section)
		heard_drop_before(&it->heard, section);
}

static const struct heard_section *first_unfinished(const struct leased_subscription *it)
{
	const struct heard_section *section = it->heard.first_section;

	while (section->next && !section->unfinished)
		section = section->next;
	return section;
}

/*
 * The first section that is not finished and from which on every message is handled under its name, or NULL.
 * A message before it that has no name cannot be taken over anyway.
 */
static const struct heard_section *unfinished_section(const struct leased_subscription *it)
{
	const struct heard_section *found = first_unfinished(it);

	for (const struct heard_section *section = found; section; section = section->next) {
		if (section->has_nameless || (section == found && !*section->name))
			found = section->next;
	}
	return found;
}

/* NULL: a message that cannot be taken over is not finished yet. */
static const char *last_note(const struct leased_subscription *it)
{
	const struct heard_section *section = unfinished_section(it);

	if (is_partial(it))
		return lease_keeper_note(it->ports.keeper, it);
	return section != first_unfinished(it) ? NULL : section->name;
}

/* A holder continues then unless another worker can have the lease: it may be the only one that heard all. */
static bool stands_still(const struct leased_subscription *it)
{
	struct engine_trouble trouble;

	return engine_database_trouble(it->ports.engine, &trouble) && trouble.for_ms >= STANDSTILL_MS &&
	       (!it->lease || lease_keeper_has_rival(it->ports.keeper, it));
}

static const char *note(void *context)
{
	struct leased_subscription *it = context;
	const struct heard_section *section;

	see_others(it);
	it->is_partial = is_awaiting_taker(it);
	if (it->state == FINISHING)
		return last_note(it);
	if (!it->lease)
		forget_finished(it);
	if (!it->is_up || (it->lease ? is_partial(it) : !covers(it)) || stands_still(it))
		return NULL;
	if (it->state < HANDLING)
		return it->lease ? it->from : "";
	section = !it->must_clear && is_shared(it) ? unfinished_section(it) : NULL;
	return section ? section->name : "";
}

static void begin(void *context, struct lease *lease, const char *last_note)
{
	struct leased_subscription *it = context;

	it->lease = lease_hold(lease);
	free(it->from);
	it->from = must(strdup(last_note ? last_note : ""));
	if (*it->from)
		it->company_ms = subscription_now_ms(it); /* the last holder may come back */
	it->placing_ms = subscription_now_ms(it);
	it->state = PLACING;
	subscription_advance(it);
}

/* Hands over at a marker.  Without one, what is heard from now on may be known by no name. */
static void stop(void *context)
{
	struct leased_subscription *it = context;
	const char *marker;

	it->awaited[0] = '\0';
	if (it->state != HANDLING) {
		it->state = LISTENING;
		it->is_behind = false;
		return;
	}
	it->state = FINISHING;
	marker = it->is_up && !is_partial(it) ? it->ports.mark(it->ports.context) : NULL;
	if (marker)
		snprintf(it->awaited, sizeof it->awaited, "%s", marker);
	it->is_limited = !marker;
	if (is_partial(it))
		leave_messages(it);
}

static bool is_finished(const struct leased_subscription *it)
{
	return !it->unanswered && (!it->next || it->next->is_left);
}

static bool is_idle(void *context)
{
	const struct leased_subscription *it = context;

	return it->state == LISTENING || (it->is_limited && is_finished(it));
}

static void lost(void *context)
{
	struct leased_subscription *it = context;

	engine_return_lost(it->ports.engine, PUBSUB_LEASE);
	lease_release(&it->lease);
	it->state = LISTENING;
	it->next = NULL;
	it->awaited[0] = '\0';
	it->is_limited = it->must_clear = it->is_behind = false;
	it->is_stale = true;
	it->is_partial = false;
	it->had_ms = subscription_now_ms(it);
	for (struct heard_message *message = it->heard.first; message; message = message->next)
		message->is_left = false;
	open_or_close(it);
}

/* ---- what is heard ---- */

void leased_subscription_hear(struct leased_subscription *it, enum message_type type, const char *channel,
			      struct bytes payload, size_t payload_size)
{
	struct heard_message *message;
	/* A new holder doubts the sections without a name that began before it had the lease. */
	bool may_be_handled = it->state == LISTENING ? lease_keeper_is_elsewhere(it->ports.keeper, it)
						     : it->is_behind && it->heard.last_section->is_doubtful;

	if (may_be_handled && !*it->heard.last_section->name) {
		it->stats.unnamed++;
		return;
	}
	if (!it->channels[type])
		it->channels[type] = must(strdup(channel));
	message = heard_add(&it->heard, type, payload, payload_size);
	message->owner = it;
	message->is_left = it->is_limited;
	message->is_standby = it->is_behind;
	if (!it->next && it->state != LISTENING)
		it->next = message;
	drop_oldest(it);
	if (it->state >= HANDLING)
		subscription_advance(it);
	else
		open_or_close(it);
}

void leased_subscription_hear_marker(struct leased_subscription *it, struct bytes marker)
{
	char name[SECTION_NAME_MAX] = "";

	if (marker.size >= SECTION_NAME_MAX - RUN_ID_SIZE - 16)
		return;
	if (*it->run_id)
		snprintf(name, sizeof name, "%s-%.*s", it->run_id, (int)marker.size,
			 (const char *)marker.data);
	if (heard_find(&it->heard, name)) /* it was published again, and names must not repeat */
		return;
	heard_begin_section(&it->heard, name, subscription_now_ms(it));
	if (*it->awaited && strlen(it->awaited) == marker.size &&
	    !memcmp(it->awaited, marker.data, marker.size)) {
		it->awaited[0] = '\0';
		it->is_behind = false;
		if (it->state == PLACING)
			subscription_marker_heard(it);
		it->is_limited = it->state == FINISHING;
	}
	if (it->state >= HANDLING)
		trim(it);
}

void leased_subscription_up(struct leased_subscription *it, const char *run_id)
{
	it->is_up = true;
	snprintf(it->run_id, sizeof it->run_id, "%s", run_id);
	it->up_ms = subscription_now_ms(it);
	heard_begin_section(&it->heard, "", subscription_now_ms(it));
}

void leased_subscription_down(struct leased_subscription *it)
{
	it->is_up = false;
	it->heard.last_section->is_cut = true;
	it->up_ms = INT64_MAX;
	it->is_behind = false;
	it->is_partial |= it->lease && is_shared(it);
	it->awaited[0] = '\0';
	it->is_limited = it->state == FINISHING;
	if (it->is_limited && is_partial(it)) /* it submits nothing any more, and would wait for that */
		leave_messages(it);
}

void leased_subscription_pause(struct leased_subscription *it)
{
	it->is_paused = true;
	open_or_close(it);
}

void leased_subscription_resume(struct leased_subscription *it)
{
	it->is_paused = false;
	subscription_advance(it);
	open_or_close(it);
}

/* ---- the whole ---- */

struct leased_subscription *leased_subscription_new(const struct subscription_ports *ports)
{
	static const struct leased_ops ops = {note, NULL, begin, stop, is_idle, NULL, lost};
	struct leased_subscription *it = must_alloc(sizeof *it);

	it->ports = *ports;
	it->company_ms = INT64_MIN / 2;
	it->had_ms = subscription_now_ms(it);
	it->arena = arena_new(4096);
	it->names = arena_new(256);
	it->timer = ports->clock->ops->timer_new(ports->clock, on_timer, it);
	heard_init(&it->heard, subscription_now_ms(it));
	lease_keeper_add(ports->keeper, PUBSUB_LEASE, &ops, it);
	return it;
}

void leased_subscription_free(struct leased_subscription **place)
{
	struct leased_subscription *it = *place;

	if (!it)
		return;
	it->ports.clock->ops->timer_free(&it->timer);
	heard_release(&it->heard);
	lease_release(&it->lease);
	for (int type = 0; type < MSG_TYPES; type++)
		free(it->channels[type]);
	free(it->from);
	arena_free(&it->arena);
	arena_free(&it->names);
	free(it);
	*place = NULL;
}

bool leased_subscription_has_company(const struct leased_subscription *it)
{
	return lease_keeper_has_company(it->ports.keeper);
}

bool leased_subscription_is_idle(const struct leased_subscription *it)
{
	if (it->state == LISTENING)
		return !it->heard.first || lease_keeper_is_elsewhere(it->ports.keeper, it);
	return it->state >= HANDLING && is_finished(it);
}

const struct subscription_stats *leased_subscription_stats(const struct leased_subscription *it)
{
	return &it->stats;
}

size_t leased_subscription_bytes(const struct leased_subscription *it)
{
	return it->heard.bytes;
}
