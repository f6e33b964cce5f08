/* A stream, its groups with what is pending in each, and the calls of its consumers. */
#include "adapters/memory/stream.h"

#include "core/arena.h"
#include "core/must.h"

#include <assert.h>
#include <string.h>

#define NO_GROUP "NOGROUP No such key or consumer group"

struct kept_entry {
	struct kept_entry *next;
	struct stream_entry entry; /* gone: trimmed */
};

struct pending_entry {
	struct pending_entry *next;
	struct kept_entry *kept;
	const char *consumer;
	int64_t delivered_at_ms;
};

struct group {
	struct group *next;
	const char *name;
	struct stream_id delivered;    /* every entry up to here, to somebody */
	struct pending_entry *pending; /* in the order of the ids */
	size_t pending_count;
};

/* What is kept in the arena stays until the stream is freed: a call under way may need it. */
struct memory_stream {
	struct simulation *simulation;
	struct arena *arena;
	struct stream_id last_generated; /* 0-0: there is no stream */
	struct kept_entry *first, **end;
	struct group *groups;
	struct memory_consumer *consumers;
	bool down;
};

/* One call, from its beginning to its answer. */
struct consumer_call {
	struct memory_consumer *consumer;
	enum stream_call kind;
	bool is_under_way;
	enum stream_trouble trouble;
	bool failed;
	struct failure failure;
	struct task *timeout; /* set while a read waits for new entries */

	/* What is asked for. */
	struct stream_id id;
	struct stream_id *ids;
	size_t id_count;

	/* What is answered. */
	struct stream_state state;
	struct stream_claim claim;
	struct stream_entry entries[STREAM_READ_MAX];
	size_t entry_count;

	union {
		stream_done *done;
		stream_looked *looked;
		stream_claimed *claimed;
		stream_was_read *was_read;
	} answer;
	void *context;
};

struct memory_consumer {
	struct stream stream;
	struct memory_consumer *next;
	struct memory_stream *home;
	const char *group, *name;
	struct wire requests, answers, read_requests, read_answers;
	struct consumer_call calls[STREAM_CALLS];
	enum stream_trouble planned[STREAM_CALLS];
	stream_on_trouble *on_trouble;
	void *trouble_context;
	size_t arrived[STREAM_CALLS];
};

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

/* Everything up to here was read and acknowledged. */
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

static void remove_pending(struct group *group, struct pending_entry **place)
{
	*place = (*place)->next;
	group->pending_count--;
}

/* ---- what a call does ---- */

static void answer(struct consumer_call *call);

static void fail(struct consumer_call *call, enum failure_kind kind, const char *text)
{
	call->failed = true;
	call->failure = (struct failure){kind, text};
	answer(call);
}

static struct memory_stream *home_of(const struct consumer_call *call)
{
	return call->consumer->home;
}

static void do_look(struct consumer_call *call)
{
	const struct memory_stream *stream = home_of(call);
	const struct group *group = find_group(stream, call->consumer->group);

	call->state = (struct stream_state){.last_generated = stream->last_generated};
	if (group) {
		call->state.has_group = true;
		call->state.done = done_of(group);
		call->state.done_by_all = done_by_all(stream);
		call->state.pending = group->pending_count;
	}
	answer(call);
}

static void do_create_group(struct consumer_call *call)
{
	if (!find_group(home_of(call), call->consumer->group))
		make_group(home_of(call), call->consumer->group, call->id);
	answer(call);
}

static void do_claim(struct consumer_call *call, struct group *group)
{
	int64_t now_ms = simulation_now_ms(home_of(call)->simulation);
	struct pending_entry **place = &group->pending;

	call->claim = (struct stream_claim){0};
	while (*place) {
		struct pending_entry *pending = *place;

		if (now_ms - pending->delivered_at_ms < STREAM_CLAIM_IDLE_MS) {
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
	answer(call);
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
	for (struct pending_entry *it = group->pending; it && call->entry_count < STREAM_READ_MAX;
	     it = it->next) {
		if (strcmp(it->consumer, call->consumer->name) != 0 ||
		    stream_id_compare(it->kept->entry.id, call->id) <= 0)
			continue;
		it->delivered_at_ms = simulation_now_ms(home_of(call)->simulation);
		give(call, it->kept);
	}
	answer(call);
}

static void deliver(struct consumer_call *call, struct group *group, struct kept_entry *kept,
		    struct pending_entry **end)
{
	struct memory_stream *stream = home_of(call);
	struct pending_entry *pending = arena_alloc(stream->arena, sizeof *pending);

	*pending = (struct pending_entry){.kept = kept,
					  .consumer = call->consumer->name,
					  .delivered_at_ms = simulation_now_ms(stream->simulation)};
	*end = pending;
	group->pending_count++;
	group->delivered = kept->entry.id;
	give(call, kept);
}

static void on_read_timeout(void *context)
{
	struct consumer_call *call = context;

	call->timeout = NULL;
	answer(call);
}

/* Waits when there is nothing. */
static void do_read_new(struct consumer_call *call, struct group *group)
{
	struct memory_stream *stream = home_of(call);
	struct pending_entry **end = &group->pending;

	call->entry_count = 0;
	while (*end)
		end = &(*end)->next;
	for (struct kept_entry *it = stream->first; it && call->entry_count < STREAM_READ_MAX;
	     it = it->next) {
		if (it->entry.gone || stream_id_compare(it->entry.id, group->delivered) <= 0)
			continue;
		deliver(call, group, it, end);
		end = &(*end)->next;
	}
	if (call->entry_count) {
		simulation_cancel(stream->simulation, &call->timeout);
		answer(call);
	} else if (!call->timeout) {
		call->timeout = simulation_post(stream->simulation, STREAM_WAIT_MS, on_read_timeout, call);
	}
}

static bool is_among(struct stream_id id, const struct stream_id *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!stream_id_compare(ids[i], id))
			return true;
	}
	return false;
}

/* As in Redis it is no failure when there is no group. */
static void do_acknowledge(struct consumer_call *call)
{
	struct group *group = find_group(home_of(call), call->consumer->group);
	struct pending_entry **place = group ? &group->pending : NULL;

	while (place && *place) {
		if (is_among((*place)->kept->entry.id, call->ids, call->id_count))
			remove_pending(group, place);
		else
			place = &(*place)->next;
	}
	answer(call);
}

static void do_trim(struct consumer_call *call)
{
	struct memory_stream *stream = home_of(call);

	for (struct kept_entry *it = stream->first; it; it = it->next)
		it->entry.gone |= stream_id_compare(it->entry.id, call->id) < 0;
	answer(call);
}

static void do_with_group(struct consumer_call *call)
{
	struct group *group = find_group(home_of(call), call->consumer->group);

	if (!group)
		fail(call, FAILURE_CONFLICT, NO_GROUP);
	else if (call->kind == STREAM_CLAIM)
		do_claim(call, group);
	else if (call->kind == STREAM_READ_PENDING)
		do_read_pending(call, group);
	else
		do_read_new(call, group);
}

static void carry_out(struct consumer_call *call)
{
	switch (call->kind) {
	case STREAM_LOOK:
		do_look(call);
		break;
	case STREAM_CREATE_GROUP:
		do_create_group(call);
		break;
	case STREAM_ACKNOWLEDGE:
		do_acknowledge(call);
		break;
	case STREAM_TRIM:
		do_trim(call);
		break;
	case STREAM_CLAIM:
	case STREAM_READ_PENDING:
	case STREAM_READ_NEW:
	case STREAM_CALLS:
		do_with_group(call);
		break;
	}
}

/* ---- the way of a call ---- */

static bool is_read(enum stream_call kind)
{
	return kind == STREAM_READ_PENDING || kind == STREAM_READ_NEW;
}

static enum stream_trouble trouble_of(struct consumer_call *call)
{
	struct memory_consumer *consumer = call->consumer;
	enum stream_trouble planned = consumer->planned[call->kind];

	consumer->planned[call->kind] = STREAM_WELL;
	if (planned || !consumer->on_trouble)
		return planned;
	return consumer->on_trouble(consumer->trouble_context, call->kind);
}

static void on_request(void *context)
{
	struct consumer_call *call = context;

	call->consumer->arrived[call->kind]++;
	call->trouble = trouble_of(call);
	if (home_of(call)->down || call->trouble == STREAM_REFUSED)
		fail(call, FAILURE_RETRY, "stream: not reachable");
	else if (call->trouble == STREAM_NO_GROUP)
		fail(call, FAILURE_CONFLICT, NO_GROUP);
	else
		carry_out(call);
}

static void on_answer(void *context)
{
	static const struct failure lost = {FAILURE_RETRY, "stream: connection lost"};
	struct consumer_call *call = context;
	const struct failure failed = call->failure;
	const struct failure *failure = call->failed ? &failed : NULL;

	if (call->trouble == STREAM_ANSWER_LOST)
		failure = &lost;
	call->is_under_way = false;
	if (call->kind == STREAM_LOOK)
		call->answer.looked(call->context, &call->state, failure);
	else if (call->kind == STREAM_CLAIM)
		call->answer.claimed(call->context, &call->claim, failure);
	else if (is_read(call->kind))
		call->answer.was_read(call->context, call->entries, failure ? 0 : call->entry_count, failure);
	else
		call->answer.done(call->context, failure);
}

static void answer(struct consumer_call *call)
{
	struct memory_consumer *consumer = call->consumer;

	simulation_cancel(consumer->home->simulation, &call->timeout);
	wire_pass(is_read(call->kind) ? &consumer->read_answers : &consumer->answers, on_answer, call);
}

static struct consumer_call *begin(struct stream *port, enum stream_call kind, void *context)
{
	struct memory_consumer *consumer = (struct memory_consumer *)port;
	struct consumer_call *call = &consumer->calls[kind];

	assert(!call->is_under_way);
	free(call->ids);
	*call = (struct consumer_call){
		.consumer = consumer, .kind = kind, .is_under_way = true, .context = context};
	wire_pass(is_read(kind) ? &consumer->read_requests : &consumer->requests, on_request, call);
	return call;
}

static void look(struct stream *stream, stream_looked *done, void *context)
{
	begin(stream, STREAM_LOOK, context)->answer.looked = done;
}

static void create_group(struct stream *stream, struct stream_id after, stream_done *done, void *context)
{
	struct consumer_call *call = begin(stream, STREAM_CREATE_GROUP, context);

	call->id = after;
	call->answer.done = done;
}

static void claim(struct stream *stream, stream_claimed *done, void *context)
{
	begin(stream, STREAM_CLAIM, context)->answer.claimed = done;
}

static void read_pending(struct stream *stream, struct stream_id after, stream_was_read *done, void *context)
{
	struct consumer_call *call = begin(stream, STREAM_READ_PENDING, context);

	call->id = after;
	call->answer.was_read = done;
}

static void read_new(struct stream *stream, stream_was_read *done, void *context)
{
	begin(stream, STREAM_READ_NEW, context)->answer.was_read = done;
}

static void acknowledge(struct stream *stream, const struct stream_id *ids, size_t count, stream_done *done,
			void *context)
{
	struct consumer_call *call = begin(stream, STREAM_ACKNOWLEDGE, context);

	call->ids = must_alloc(count * sizeof *ids);
	memcpy(call->ids, ids, count * sizeof *ids);
	call->id_count = count;
	call->answer.done = done;
}

static void trim(struct stream *stream, struct stream_id lowest, stream_done *done, void *context)
{
	struct consumer_call *call = begin(stream, STREAM_TRIM, context);

	call->id = lowest;
	call->answer.done = done;
}

/* ---- consumers ---- */

struct memory_consumer *memory_consumer_new(struct memory_stream *stream, const char *group, const char *name)
{
	static const struct stream_ops ops = {look,     create_group, claim, read_pending,
					      read_new, acknowledge,  trim};
	struct memory_consumer *consumer = must_alloc(sizeof *consumer);

	consumer->stream.ops = &ops;
	consumer->home = stream;
	consumer->group = arena_strdup(stream->arena, group);
	consumer->name = arena_strdup(stream->arena, name);
	wire_init(&consumer->requests, stream->simulation);
	wire_init(&consumer->answers, stream->simulation);
	wire_init(&consumer->read_requests, stream->simulation);
	wire_init(&consumer->read_answers, stream->simulation);
	consumer->next = stream->consumers;
	stream->consumers = consumer;
	return consumer;
}

void memory_consumer_free(struct memory_consumer **consumer)
{
	struct memory_consumer *it = *consumer, **place;

	if (!it)
		return;
	for (place = &it->home->consumers; *place != it;)
		place = &(*place)->next;
	*place = it->next;
	wire_clear(&it->requests);
	wire_clear(&it->answers);
	wire_clear(&it->read_requests);
	wire_clear(&it->read_answers);
	simulation_cancel(it->home->simulation, &it->calls[STREAM_READ_NEW].timeout);
	free(it->calls[STREAM_ACKNOWLEDGE].ids);
	free(it);
	*consumer = NULL;
}

struct stream *memory_consumer_port(struct memory_consumer *consumer)
{
	return &consumer->stream;
}

struct wire *memory_consumer_requests(struct memory_consumer *consumer)
{
	return &consumer->requests;
}

struct wire *memory_consumer_answers(struct memory_consumer *consumer)
{
	return &consumer->answers;
}

struct wire *memory_consumer_read_answers(struct memory_consumer *consumer)
{
	return &consumer->read_answers;
}

/* ---- what a test says ---- */

/* Something changed for those that wait. */
static void wake(struct memory_stream *stream)
{
	for (struct memory_consumer *it = stream->consumers; it; it = it->next) {
		struct consumer_call *call = &it->calls[STREAM_READ_NEW];

		if (!call->timeout)
			continue;
		if (stream->down)
			fail(call, FAILURE_RETRY, "stream: connection lost");
		else
			carry_out(call);
	}
}

/* What Redis makes of `*`. */
static struct stream_id next_id(const struct memory_stream *stream)
{
	struct stream_id last = stream->last_generated;
	uint64_t now_ms = 1 + (uint64_t)simulation_now_ms(stream->simulation);

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
	kept->entry.message_id = entry->message_id ? arena_strdup(arena, entry->message_id) : NULL;
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
	stream->last_generated = (struct stream_id){0};
	wake(stream);
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

void memory_stream_set_down(struct memory_stream *stream, bool down)
{
	stream->down = down;
	wake(stream);
}

void memory_consumer_fail_next(struct memory_consumer *consumer, enum stream_call call,
			       enum stream_trouble trouble)
{
	consumer->planned[call] = trouble;
}

void memory_consumer_on_trouble(struct memory_consumer *consumer, stream_on_trouble *trouble, void *context)
{
	consumer->on_trouble = trouble;
	consumer->trouble_context = context;
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

bool memory_stream_has_group(const struct memory_stream *stream, const char *name)
{
	return find_group(stream, name);
}

size_t memory_stream_pending(const struct memory_stream *stream, const char *name)
{
	const struct group *group = find_group(stream, name);

	return group ? group->pending_count : 0;
}

size_t memory_consumer_calls(const struct memory_consumer *consumer, enum stream_call call)
{
	return consumer->arrived[call];
}
