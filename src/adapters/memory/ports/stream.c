/* Implements a stream and its groups with their pending entries. */
#include "adapters/memory/ports/stream_internal.h"

#include "core/base/must.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- the stream and its groups ---- */

struct memory_stream *memory_stream_new(struct simulation *simulation)
{
	struct memory_stream *stream = must_alloc(sizeof *stream);

	stream->simulation = simulation;
	stream->arena = arena_new(4096);
	stream->end = &stream->first;
	return stream;
}

void memory_stream_free(struct memory_stream **stream)
{
	if (!*stream)
		return;
	assert(!(*stream)->consumers);
	arena_free(&(*stream)->arena);
	free(*stream);
	*stream = NULL;
}

static struct group *find_group(const struct memory_stream *stream, const char *name)
{
	struct group *group = stream->groups;

	while (group && strcmp(group->name, name) != 0)
		group = group->next;
	return group;
}

static void make_group(struct memory_stream *stream, const char *name, struct stream_id after)
{
	struct group *group = arena_alloc(stream->arena, sizeof *group);

	*group = (struct group){.next = stream->groups, .name = name, .delivered = after};
	stream->groups = group;
}

/* Returns the id up to which the group has read and acknowledged every entry. */
static struct stream_id done_of(const struct group *group)
{
	return group->pending ? stream_id_before(group->pending->kept->entry.id) : group->delivered;
}

static struct stream_id done_by_all(const struct memory_stream *stream)
{
	struct stream_id lowest = stream->groups ? done_of(stream->groups) : (struct stream_id){0};

	for (const struct group *group = stream->groups; group; group = group->next) {
		if (stream_id_compare(done_of(group), lowest) < 0)
			lowest = done_of(group);
	}
	return lowest;
}

static void remove_pending(struct group *group, struct group_entry **place)
{
	*place = (*place)->next;
	group->pending_count--;
}

/* ---- what a call does ---- */

static struct memory_stream *home_of(const struct consumer_call *call)
{
	return call->consumer->home;
}

/* Redis creates a consumer when it first reads or claims, and keeps it after its connection is closed. */
static void note_consumer(struct group *group, const struct consumer_call *call)
{
	struct arena *arena = home_of(call)->arena;
	const char *name = call->consumer->name;

	for (size_t i = 0; i < group->consumer_count; i++)
		if (!strcmp(group->consumers[i], name))
			return;
	group->consumers = arena_grow(arena, group->consumers, group->consumer_count, sizeof(char *));
	group->consumers[group->consumer_count++] = arena_strdup(arena, name);
}

static void note_present(struct stream_state *state, const struct group *group, struct stream_id id)
{
	state->last_present = id;
	state->length++;
	if (!group || stream_id_compare(id, group->delivered) <= 0)
		return;
	if (!state->lag++)
		state->first_unread = id;
}

static void do_look(struct consumer_call *call)
{
	const struct memory_stream *stream = home_of(call);
	const struct group *group = find_group(stream, call->consumer->group);

	call->state = (struct stream_state){.last_generated = stream->last_generated,
					    .added = stream->counts_nothing ? -1 : 0,
					    .lag = group ? 0 : -1};
	snprintf(call->state.lives, sizeof call->state.lives, "%s", stream->lives);
	for (const struct kept_entry *it = stream->first; it; it = it->next) {
		call->state.added += !stream->counts_nothing;
		if (it->entry.gone)
			continue;
		note_present(&call->state, group, it->entry.id);
		if ((it == stream->first || !it->next) && it->entry.whole_size > call->state.largest)
			call->state.largest = it->entry.whole_size;
	}
	if (group) {
		call->state.has_group = true;
		call->state.delivered = group->delivered;
		call->state.consumers = group->consumer_count;
		call->state.done = done_of(group);
		call->state.done_by_all = done_by_all(stream);
		call->state.pending = group->pending_count;
		for (const struct group_entry *it = group->pending; it; it = it->next)
			call->state.others_hold_some |= strcmp(it->consumer, call->consumer->name) != 0;
		if (group->pending)
			call->state.first_pending = group->pending->kept->entry.id;
	}
	consumer_answer(call);
}

static void do_create_group(struct consumer_call *call)
{
	if (!find_group(home_of(call), call->consumer->group))
		make_group(home_of(call), call->consumer->group, call->id);
	consumer_answer(call);
}

static void do_mark_life(struct consumer_call *call)
{
	char *lives = home_of(call)->lives;
	size_t used = strlen(lives);

	if (!stream_lives_hold(lives, call->life))
		snprintf(lives + used, STREAM_LIVES_MAX - used, "%s%s", used ? " " : "", call->life);
	consumer_answer(call);
}

static void do_claim(struct consumer_call *call, struct group *group)
{
	int64_t now_ms = simulation_now_ms(home_of(call)->simulation);
	struct group_entry **place = &group->pending;

	call->claim = (struct stream_claim){0};
	while (*place) {
		struct group_entry *pending = *place;

		if (now_ms - pending->delivered_at_ms < call->idle_ms) {
			place = &pending->next;
		} else if (pending->kept->entry.gone) {
			call->claim.lost++;
			remove_pending(group, place);
		} else {
			call->claim.claimed++;
			pending->consumer = call->consumer->name;
			pending->delivered_at_ms = now_ms;
			place = &pending->next;
		}
	}
	consumer_answer(call);
}

static void give(struct consumer_call *call, const struct kept_entry *kept)
{
	struct stream_entry *entry = &call->entries[call->entry_count++];

	*entry = kept->entry;
	if (kept->entry.gone)
		*entry = (struct stream_entry){.id = kept->entry.id, .gone = true};
}

static void do_read_pending(struct consumer_call *call, const struct group *group)
{
	call->entry_count = 0;
	for (struct group_entry *it = group->pending; it && call->entry_count < call->max; it = it->next) {
		if (strcmp(it->consumer, call->consumer->name) != 0 ||
		    stream_id_compare(it->kept->entry.id, call->id) <= 0)
			continue;
		it->delivered_at_ms = simulation_now_ms(home_of(call)->simulation);
		give(call, it->kept);
	}
	consumer_answer(call);
}

/* Delivers the entry; if it is pending for another consumer, it is transferred to this one. */
static void deliver(struct consumer_call *call, struct group *group, struct kept_entry *kept)
{
	struct memory_stream *stream = home_of(call);
	struct group_entry **place = &group->pending, *pending;

	while (*place && stream_id_compare((*place)->kept->entry.id, kept->entry.id) < 0)
		place = &(*place)->next;
	if (!*place || stream_id_compare((*place)->kept->entry.id, kept->entry.id)) {
		pending = arena_alloc(stream->arena, sizeof *pending);
		*pending = (struct group_entry){.next = *place, .kept = kept};
		*place = pending;
		group->pending_count++;
	}
	(*place)->consumer = call->consumer->name;
	(*place)->delivered_at_ms = simulation_now_ms(stream->simulation);
	group->delivered = kept->entry.id;
	give(call, kept);
}

static void on_read_timeout(void *context)
{
	struct consumer_call *call = context;

	call->timeout = NULL;
	consumer_answer(call);
}

/* Answers with new entries, or waits for some if the call allows it. */
static void do_read_new(struct consumer_call *call, struct group *group)
{
	struct memory_stream *stream = home_of(call);

	call->entry_count = 0;
	for (struct kept_entry *it = stream->first; it && call->entry_count < call->max; it = it->next) {
		if (it->entry.gone || stream_id_compare(it->entry.id, group->delivered) <= 0)
			continue;
		deliver(call, group, it);
	}
	if (call->entry_count || !call->may_wait) {
		simulation_cancel(stream->simulation, &call->timeout);
		consumer_answer(call);
	} else if (!call->timeout) {
		call->timeout = simulation_post(stream->simulation, STREAM_WAIT_MS, on_read_timeout, call);
	}
}

/* Cannot end a read that arrives later. */
static void do_unblock(struct consumer_call *call)
{
	struct consumer_call *read = &call->consumer->calls[STREAM_READ_NEW];

	if (read->timeout)
		consumer_answer(read);
	consumer_answer(call);
}

static bool is_among(struct stream_id id, const struct stream_id *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!stream_id_compare(ids[i], id))
			return true;
	}
	return false;
}

/* As in Redis, a missing group is not an error. */
static void do_acknowledge(struct consumer_call *call)
{
	struct group *group = find_group(home_of(call), call->consumer->group);
	struct group_entry **place = group ? &group->pending : NULL;

	while (place && *place) {
		if (is_among((*place)->kept->entry.id, call->ids, call->id_count))
			remove_pending(group, place);
		else
			place = &(*place)->next;
	}
	consumer_answer(call);
}

static void do_trim(struct consumer_call *call)
{
	struct memory_stream *stream = home_of(call);

	for (struct kept_entry *it = stream->first; it; it = it->next)
		it->entry.gone |= stream_id_compare(it->entry.id, call->id) < 0;
	consumer_answer(call);
}

static void do_with_group(struct consumer_call *call)
{
	struct group *group = find_group(home_of(call), call->consumer->group);

	if (group && call->kind != STREAM_MOVE_GROUP)
		note_consumer(group, call);
	if (!group) {
		consumer_fail(call, FAILURE_CONFLICT, NO_GROUP);
	} else if (call->kind == STREAM_MOVE_GROUP) {
		group->delivered = call->id;
		consumer_answer(call);
	} else if (call->kind == STREAM_CLAIM) {
		do_claim(call, group);
	} else if (call->kind == STREAM_READ_PENDING) {
		do_read_pending(call, group);
	} else {
		do_read_new(call, group);
	}
}

/* A read that waits fails; what arrives later over the old connections does so, too. */
static void end_connections_of(struct memory_consumer *consumer)
{
	struct consumer_call *read = &consumer->calls[STREAM_READ_NEW];

	consumer_connect_again(consumer);
	if (read->timeout)
		consumer_fail(read, FAILURE_RETRY, "stream: connection ended");
}

static void do_end_connections(struct consumer_call *call)
{
	for (struct memory_consumer *it = call->consumer->home->consumers; it; it = it->next) {
		if (it != call->consumer && !strcmp(it->connections, call->connections))
			end_connections_of(it);
	}
	consumer_answer(call);
}

void stream_carry_out(struct consumer_call *call)
{
	switch (call->kind) {
	case STREAM_LOOK:
		do_look(call);
		break;
	case STREAM_CREATE_GROUP:
		do_create_group(call);
		break;
	case STREAM_UNBLOCK:
		do_unblock(call);
		break;
	case STREAM_ACKNOWLEDGE:
		do_acknowledge(call);
		break;
	case STREAM_FORWARD:
		memory_stream_add(call->target, &call->forwarded);
		consumer_answer(call);
		break;
	case STREAM_TRIM:
		do_trim(call);
		break;
	case STREAM_MARK_LIFE:
		do_mark_life(call);
		break;
	case STREAM_END_CONNECTIONS:
		do_end_connections(call);
		break;
	case STREAM_MOVE_GROUP:
	case STREAM_CLAIM:
	case STREAM_READ_PENDING:
	case STREAM_READ_NEW:
	case STREAM_CALLS:
		do_with_group(call);
		break;
	}
}

/* ---- for tests ---- */

/* Retries the reads that wait, after the stream has changed. */
static void wake(struct memory_stream *stream)
{
	for (struct memory_consumer *it = stream->consumers; it; it = it->next) {
		struct consumer_call *call = &it->calls[STREAM_READ_NEW];

		if (!call->timeout)
			continue;
		if (stream->down)
			consumer_fail(call, FAILURE_RETRY, "stream: connection lost");
		else
			stream_carry_out(call);
	}
}

/* Returns the id that Redis generates for `*`. */
static struct stream_id next_id(const struct memory_stream *stream)
{
	struct stream_id last = stream->last_generated;
	uint64_t now_ms = 1 + (uint64_t)(simulation_now_ms(stream->simulation) + stream->ahead_ms);

	return now_ms > last.ms ? (struct stream_id){now_ms, 0} : (struct stream_id){last.ms, last.seq + 1};
}

struct stream_id memory_stream_add(struct memory_stream *stream, const struct stream_entry *entry)
{
	struct arena *arena = stream->arena;
	struct kept_entry *kept = arena_alloc(arena, sizeof *kept);

	kept->entry = *entry;
	if (!entry->id.ms)
		kept->entry.id = next_id(stream);
	assert(stream_id_compare(kept->entry.id, stream->last_generated) > 0);
	stream->last_generated = kept->entry.id;
	kept->entry.defect = entry->defect ? arena_strdup(arena, entry->defect) : NULL;
	kept->entry.unknown = entry->unknown ? arena_strdup(arena, entry->unknown) : NULL;
	kept->entry.message_id = entry->message_id ? arena_strdup(arena, entry->message_id) : NULL;
	kept->entry.traceparent = entry->traceparent ? arena_strdup(arena, entry->traceparent) : NULL;
	kept->entry.origin = entry->origin ? arena_strdup(arena, entry->origin) : NULL;
	kept->entry.payload.data = arena_copy(arena, entry->payload.data, entry->payload.size);
	*stream->end = kept;
	stream->end = &kept->next;
	wake(stream);
	return kept->entry.id;
}

void memory_stream_delete(struct memory_stream *stream)
{
	stream->first = NULL;
	stream->end = &stream->first;
	stream->groups = NULL;
	stream->lives[0] = '\0';
	stream->last_generated = (struct stream_id){0};
	wake(stream);
}

void memory_stream_move_group(struct memory_stream *stream, const char *name, struct stream_id to)
{
	find_group(stream, name)->delivered = to;
}

void memory_stream_count_nothing(struct memory_stream *stream)
{
	stream->counts_nothing = true;
}

void memory_stream_lose_marks(struct memory_stream *stream)
{
	stream->lives[0] = '\0';
}

static void restore_group(struct group *group, struct stream_id last)
{
	for (struct group_entry **place = &group->pending; *place;) {
		if (stream_id_compare((*place)->kept->entry.id, last) > 0)
			remove_pending(group, place);
		else
			place = &(*place)->next;
	}
	if (stream_id_compare(group->delivered, last) > 0)
		group->delivered = last;
}

void memory_stream_restore(struct memory_stream *stream, struct stream_id last)
{
	struct kept_entry **place = &stream->first;

	while (*place && stream_id_compare((*place)->entry.id, last) <= 0)
		place = &(*place)->next;
	*place = NULL;
	stream->end = place;
	stream->last_generated = last;
	for (struct group *group = stream->groups; group; group = group->next)
		restore_group(group, last);
}

void memory_stream_destroy_group(struct memory_stream *stream, const char *name)
{
	struct group **place = &stream->groups;

	while (strcmp((*place)->name, name) != 0)
		place = &(*place)->next;
	*place = (*place)->next;
	wake(stream);
}

void memory_stream_drop(struct memory_stream *stream, struct stream_id id)
{
	for (struct kept_entry *it = stream->first; it; it = it->next)
		it->entry.gone |= stream_id_compare(it->entry.id, id) == 0;
}

void memory_stream_end_connections(struct memory_stream *stream)
{
	for (struct memory_consumer *it = stream->consumers; it; it = it->next)
		end_connections_of(it);
}

void memory_stream_set_clock(struct memory_stream *stream, int64_t ahead_ms)
{
	assert(simulation_now_ms(stream->simulation) + ahead_ms >= 0);
	stream->ahead_ms = ahead_ms;
}

void memory_stream_set_down(struct memory_stream *stream, bool down)
{
	stream->down = down;
	wake(stream);
}

/* ---- what a test sees ---- */

static const struct kept_entry *skip_gone(const struct kept_entry *kept)
{
	while (kept && kept->entry.gone)
		kept = kept->next;
	return kept;
}

size_t memory_stream_length(const struct memory_stream *stream)
{
	size_t length = 0;

	for (const struct kept_entry *it = skip_gone(stream->first); it; it = skip_gone(it->next))
		length++;
	return length;
}

struct stream_id memory_stream_first(const struct memory_stream *stream)
{
	const struct kept_entry *first = skip_gone(stream->first);

	return first ? first->entry.id : (struct stream_id){0};
}

struct stream_id memory_stream_last(const struct memory_stream *stream)
{
	return stream->last_generated;
}

bool memory_stream_has_group(const struct memory_stream *stream, const char *name)
{
	return find_group(stream, name);
}

size_t memory_stream_pending(const struct memory_stream *stream, const char *name)
{
	const struct group *group = find_group(stream, name);

	return group ? group->pending_count : 0;
}

size_t memory_stream_unread(const struct memory_stream *stream, const char *name)
{
	const struct group *group = find_group(stream, name);
	size_t count = 0;

	for (const struct kept_entry *it = skip_gone(stream->first); it; it = skip_gone(it->next))
		count += !group || stream_id_compare(it->entry.id, group->delivered) > 0;
	return count;
}
