/* Keeps copies of the published events in an arena, and fences that record which rows were published. */
#include "adapters/memory/ports/broker.h"

#include "core/base/container_of.h"
#include "core/base/must.h"
#include "core/partition.h"

#include <stdlib.h>
#include <string.h>

#define NO_FAULT SIZE_MAX

/* The position up to which each partition was published, for one incarnation of a database. */
struct fences {
	struct fences *next;
	const char *incarnation;
	int64_t positions[PARTITIONS];
	unsigned long timeline; /* the newest one for which it was called; 0: not known */
};

/* The broker's state, which all connections share. */
struct memory_channel {
	size_t connections;
	struct simulation *simulation;
	struct arena *arena;
	bool down;
	size_t fail_after;
	struct fences *fences;
	struct outgoing *events;
	size_t count, skipped, gaps;
};

struct memory_broker {
	struct broker broker;
	struct memory_channel *channel;
	struct cable requests, answers;
};

/* One call of publish, from its beginning to its answer. */
struct publishing {
	struct memory_broker *broker;
	const struct publication *publication;
	struct published published;
	bool failed, is_fenced;
	publish_done *done;
	void *context;
};

static void publish(struct broker *port, const struct publication *publication, publish_done *done,
		    void *context);
static bool is_up(const struct broker *port);

/* ---- connections ---- */

static struct memory_broker *connect_to(struct memory_channel *channel)
{
	static const struct broker_ops ops = {publish, is_up};
	struct memory_broker *broker = must_alloc(sizeof *broker);

	broker->broker.ops = &ops;
	broker->channel = channel;
	channel->connections++;
	cable_init(&broker->requests, channel->simulation);
	cable_init(&broker->answers, channel->simulation);
	return broker;
}

struct memory_broker *memory_broker_new(struct simulation *simulation)
{
	struct memory_channel *channel = must_alloc(sizeof *channel);

	channel->simulation = simulation;
	channel->arena = arena_new(4096);
	channel->fail_after = NO_FAULT;
	return connect_to(channel);
}

struct memory_broker *memory_broker_connect(struct memory_broker *other)
{
	return connect_to(other->channel);
}

void memory_broker_free(struct memory_broker **broker)
{
	struct memory_channel *channel;

	if (!*broker)
		return;
	channel = (*broker)->channel;
	cable_clear(&(*broker)->requests);
	cable_clear(&(*broker)->answers);
	free(*broker);
	*broker = NULL;
	if (--channel->connections)
		return;
	arena_free(&channel->arena);
	free(channel);
}

/* ---- the fence ---- */

static struct fences *fences_of(struct memory_channel *channel, const char *incarnation)
{
	struct fences *fences = channel->fences;

	while (fences && strcmp(fences->incarnation, incarnation))
		fences = fences->next;
	if (fences)
		return fences;
	fences = arena_alloc(channel->arena, sizeof *fences);
	fences->incarnation = arena_strdup(channel->arena, incarnation);
	fences->next = channel->fences;
	channel->fences = fences;
	return fences;
}

/* There is one database system. */
static unsigned long timeline_of(const struct publication *publication)
{
	return strtoul(publication->timeline, NULL, 16);
}

/*
 * Returns the fence of the publication's partition, raised to the position that the sender knows; NULL:
 * another one has published on a later timeline.
 */
static int64_t *fence_for(struct memory_channel *channel, const struct publication *publication)
{
	struct fences *fences = fences_of(channel, publication->incarnation);
	int64_t *fence = &fences->positions[publication->partition];

	if (publication->timeline && timeline_of(publication) < fences->timeline)
		return NULL;
	if (publication->timeline)
		fences->timeline = timeline_of(publication);
	if (*fence < publication->known)
		*fence = publication->known;
	return fence;
}

/* ---- a call arrives, row by row, and is answered ---- */

static void on_answer(void *context)
{
	static const struct failure failure = {FAILURE_RETRY, "broker: not reachable"},
				    fenced = {FAILURE_FENCED, "broker: on a later timeline"};
	struct publishing *publishing = context;
	const struct failure *why = publishing->is_fenced ? &fenced : publishing->failed ? &failure : NULL;

	publishing->done(publishing->context, &publishing->published, why);
}

static void keep(struct memory_channel *channel, const struct outgoing *event)
{
	struct outgoing *kept;

	channel->events =
		arena_grow(channel->arena, channel->events, channel->count, sizeof *channel->events);
	kept = &channel->events[channel->count++];
	*kept = *event;
	kept->payload.data = arena_copy(channel->arena, event->payload.data, event->payload.size);
}

/* Returns false if the call fails within the row, after `limit` events of the call were published. */
static bool send_row(struct memory_channel *channel, const struct outgoing_row *row, size_t limit,
		     size_t *sent)
{
	for (size_t i = 0; i < row->count; i++) {
		if (*sent == limit)
			return false;
		if (row->events[i].type == MSG_NONE)
			continue;
		keep(channel, &row->events[i]);
		++*sent;
	}
	return true;
}

static void send_rows(struct publishing *publishing, size_t limit)
{
	const struct publication *publication = publishing->publication;
	struct memory_channel *channel = publishing->broker->channel;
	int64_t *fence = fence_for(channel, publication);

	publishing->is_fenced = !fence;
	if (!fence)
		return;
	for (size_t i = 0; i < publication->row_count; i++) {
		const struct outgoing_row *row = &publication->rows[i];

		if (row->position <= *fence) {
			channel->skipped++;
			continue;
		}
		if (row->position > *fence + 1) {
			channel->gaps++;
			break;
		}
		if (!send_row(channel, row, limit, &publishing->published.events))
			break;
		*fence = row->position;
	}
	publishing->published.position = *fence;
}

static void on_request(void *context)
{
	struct publishing *publishing = context;
	struct memory_broker *broker = publishing->broker;
	struct memory_channel *channel = broker->channel;
	size_t limit = channel->fail_after;

	publishing->failed = channel->down || limit != NO_FAULT;
	if (!channel->down) {
		channel->fail_after = NO_FAULT;
		send_rows(publishing, limit);
	}
	cable_pass(&broker->answers, on_answer, publishing);
}

static void publish(struct broker *port, const struct publication *publication, publish_done *done,
		    void *context)
{
	struct memory_broker *broker = container_of(port, struct memory_broker, broker);
	struct publishing *publishing = arena_alloc(broker->channel->arena, sizeof *publishing);

	*publishing = (struct publishing){
		.broker = broker, .publication = publication, .done = done, .context = context};
	cable_pass(&broker->requests, on_request, publishing);
}

static bool is_up(const struct broker *port)
{
	return !((const struct memory_broker *)port)->channel->down;
}

/* ---- for tests ---- */

struct broker *memory_broker_port(struct memory_broker *broker)
{
	return &broker->broker;
}

struct cable *memory_broker_requests(struct memory_broker *broker)
{
	return &broker->requests;
}

struct cable *memory_broker_answers(struct memory_broker *broker)
{
	return &broker->answers;
}

void memory_broker_set_down(struct memory_broker *broker, bool down)
{
	broker->channel->down = down;
}

void memory_broker_fail_after(struct memory_broker *broker, size_t count)
{
	broker->channel->fail_after = count;
}

void memory_broker_forget(struct memory_broker *broker)
{
	broker->channel->fences = NULL;
}

size_t memory_broker_count(const struct memory_broker *broker)
{
	return broker->channel->count;
}

const struct outgoing *memory_broker_event(const struct memory_broker *broker, size_t index)
{
	return &broker->channel->events[index];
}

size_t memory_broker_skipped(const struct memory_broker *broker)
{
	return broker->channel->skipped;
}

size_t memory_broker_gaps(const struct memory_broker *broker)
{
	return broker->channel->gaps;
}
