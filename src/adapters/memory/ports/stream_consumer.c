/* Implements the consumers of a stream, and carries their calls and answers. */
#include "adapters/memory/ports/stream_internal.h"

#include "core/base/container_of.h"
#include "core/base/must.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- the way of a call ---- */

static bool is_read(enum consumer_call_kind kind)
{
	return kind == STREAM_READ_PENDING || kind == STREAM_READ_NEW;
}

static enum stream_injection injection_of(struct consumer_call *call)
{
	struct memory_consumer *consumer = call->consumer;
	enum stream_injection planned = consumer->planned[call->kind];

	consumer->planned[call->kind] = STREAM_WELL;
	if (planned || !consumer->injector)
		return planned;
	return consumer->injector(consumer->injector_context, call->kind);
}

static void on_request(void *context)
{
	struct consumer_call *call = context;

	call->consumer->arrived[call->kind]++;
	call->injected = injection_of(call);
	if (call->connected != call->consumer->connected)
		consumer_fail(call, FAILURE_RETRY, "stream: connection ended");
	else if (call->consumer->home->down || call->injected == STREAM_AWAY)
		consumer_fail(call, FAILURE_RETRY, "stream: not reachable");
	else if (call->injected == STREAM_REFUSED)
		consumer_fail(call, FAILURE_FATAL, "NOPERM this user has no permissions");
	else if (call->injected == STREAM_NO_GROUP)
		consumer_fail(call, FAILURE_CONFLICT, NO_GROUP);
	else
		stream_carry_out(call);
}

static void on_answer(void *context)
{
	static const struct failure lost = {FAILURE_RETRY, "stream: connection lost"};
	struct consumer_call *call = context;
	const struct failure failed = call->failure;
	const struct failure *failure = call->failed ? &failed : NULL;

	if (call->injected == STREAM_ANSWER_LOST)
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

void consumer_answer(struct consumer_call *call)
{
	struct memory_consumer *consumer = call->consumer;

	simulation_cancel(consumer->home->simulation, &call->timeout);
	cable_pass(is_read(call->kind) ? &consumer->read_answers : &consumer->answers, on_answer, call);
}

void consumer_fail(struct consumer_call *call, enum failure_kind kind, const char *text)
{
	call->failed = true;
	call->failure = (struct failure){kind, text};
	consumer_answer(call);
}

static struct consumer_call *begin(struct stream *port, enum consumer_call_kind kind, void *context)
{
	struct memory_consumer *consumer = container_of(port, struct memory_consumer, stream);
	struct consumer_call *call = &consumer->calls[kind];

	assert(!call->is_under_way);
	free(call->ids);
	free(call->entries);
	*call = (struct consumer_call){.consumer = consumer,
				       .kind = kind,
				       .is_under_way = true,
				       .connected = consumer->connected,
				       .context = context};
	cable_pass(is_read(kind) ? &consumer->read_requests : &consumer->requests, on_request, call);
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

static void move_group(struct stream *stream, struct stream_id after, stream_done *done, void *context)
{
	struct consumer_call *call = begin(stream, STREAM_MOVE_GROUP, context);

	call->id = after;
	call->answer.done = done;
}

static void mark_life(struct stream *stream, const char *life, stream_done *done, void *context)
{
	struct consumer_call *call = begin(stream, STREAM_MARK_LIFE, context);

	snprintf(call->life, sizeof call->life, "%s", life);
	call->answer.done = done;
}

static void claim(struct stream *stream, int64_t idle_ms, stream_claimed *done, void *context)
{
	struct consumer_call *call = begin(stream, STREAM_CLAIM, context);

	call->idle_ms = idle_ms;
	call->answer.claimed = done;
}

/* The entries are not zeroed: a read has room for many more than most reads receive. */
static void make_room(struct consumer_call *call, size_t max)
{
	assert(max >= 1 && max <= STREAM_READ_MAX);
	call->max = max;
	call->entries = must(malloc(max * sizeof *call->entries));
}

static void read_pending(struct stream *stream, struct stream_id after, size_t max, stream_was_read *done,
			 void *context)
{
	struct consumer_call *call = begin(stream, STREAM_READ_PENDING, context);

	call->id = after;
	make_room(call, max);
	call->answer.was_read = done;
}

static void read_new(struct stream *stream, size_t max, bool may_wait, stream_was_read *done, void *context)
{
	struct consumer_call *call = begin(stream, STREAM_READ_NEW, context);

	make_room(call, max);
	call->may_wait = may_wait;
	call->answer.was_read = done;
}

static void unblock(struct stream *stream, stream_done *done, void *context)
{
	begin(stream, STREAM_UNBLOCK, context)->answer.done = done;
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

static void forward(struct stream *stream, const struct forwarded_entry *entry, stream_done *done,
		    void *context)
{
	struct consumer_call *call = begin(stream, STREAM_FORWARD, context);
	const struct memory_consumer *consumer = call->consumer;
	struct arena *arena = consumer->home->arena;

	for (size_t i = 0; i < consumer->list->count; i++) {
		if (!strcmp(consumer->list->names[i], entry->to))
			call->target = consumer->streams[i];
	}
	call->forwarded = (struct stream_entry){
		.type = entry->type,
		.message_id = entry->message_id ? arena_strdup(arena, entry->message_id) : NULL,
		.traceparent = entry->traceparent ? arena_strdup(arena, entry->traceparent) : NULL,
		.origin = arena_strdup(arena, entry->origin),
		.payload = {arena_copy(arena, entry->payload.data, entry->payload.size), entry->payload.size},
		.payload_size = entry->payload.size,
	};
	call->answer.done = done;
}

static void trim(struct stream *stream, struct stream_id lowest, stream_done *done, void *context)
{
	struct consumer_call *call = begin(stream, STREAM_TRIM, context);

	call->id = lowest;
	call->answer.done = done;
}

static void name_connections(struct memory_consumer *consumer)
{
	snprintf(consumer->connections, sizeof consumer->connections, "%s %d", consumer->name,
		 consumer->connected);
}

void consumer_connect_again(struct memory_consumer *consumer)
{
	consumer->connected++;
	name_connections(consumer);
}

static const char *connections(struct stream *stream)
{
	const struct memory_consumer *consumer = container_of(stream, struct memory_consumer, stream);

	return consumer->home->down ? NULL : consumer->connections;
}

static void end_connections(struct stream *stream, const char *connections, stream_done *done, void *context)
{
	struct consumer_call *call = begin(stream, STREAM_END_CONNECTIONS, context);

	snprintf(call->connections, sizeof call->connections, "%s", connections);
	call->answer.done = done;
}

/* ---- consumers ---- */

struct memory_consumer *memory_consumer_new(struct memory_stream *stream, const char *group, const char *name)
{
	static const struct stream_ops ops = {
		look,    create_group, move_group, mark_life, claim,       read_pending,   read_new,
		unblock, acknowledge,  forward,    trim,      connections, end_connections};
	struct memory_consumer *consumer = must_alloc(sizeof *consumer);

	consumer->stream.ops = &ops;
	consumer->home = stream;
	consumer->group = arena_strdup(stream->arena, group);
	consumer->name = arena_strdup(stream->arena, name);
	name_connections(consumer);
	cable_init(&consumer->requests, stream->simulation);
	cable_init(&consumer->answers, stream->simulation);
	cable_init(&consumer->read_requests, stream->simulation);
	cable_init(&consumer->read_answers, stream->simulation);
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
	cable_clear(&it->requests);
	cable_clear(&it->answers);
	cable_clear(&it->read_requests);
	cable_clear(&it->read_answers);
	simulation_cancel(it->home->simulation, &it->calls[STREAM_READ_NEW].timeout);
	for (int i = 0; i < STREAM_CALLS; i++) {
		free(it->calls[i].ids);
		free(it->calls[i].entries);
	}
	free(it);
	*consumer = NULL;
}

void memory_consumer_know(struct memory_consumer *consumer, const struct stream_list *list,
			  struct memory_stream *const *streams)
{
	consumer->list = list;
	consumer->streams = streams;
}

struct stream *memory_consumer_port(struct memory_consumer *consumer)
{
	return &consumer->stream;
}

struct cable *memory_consumer_requests(struct memory_consumer *consumer)
{
	return &consumer->requests;
}

struct cable *memory_consumer_answers(struct memory_consumer *consumer)
{
	return &consumer->answers;
}

struct cable *memory_consumer_read_requests(struct memory_consumer *consumer)
{
	return &consumer->read_requests;
}

struct cable *memory_consumer_read_answers(struct memory_consumer *consumer)
{
	return &consumer->read_answers;
}

/* ---- for tests ---- */

void memory_consumer_fail_next(struct memory_consumer *consumer, enum consumer_call_kind call,
			       enum stream_injection injected)
{
	consumer->planned[call] = injected;
}

void memory_consumer_set_injector(struct memory_consumer *consumer, stream_injector *injector, void *context)
{
	consumer->injector = injector;
	consumer->injector_context = context;
}

size_t memory_consumer_calls(const struct memory_consumer *consumer, enum consumer_call_kind call)
{
	return consumer->arrived[call];
}

size_t memory_consumer_max(const struct memory_consumer *consumer, enum consumer_call_kind call)
{
	return consumer->calls[call].max;
}
