/* Published events as copies in an arena. */
#include "adapters/memory/broker.h"

#include "core/must.h"

#include <stdint.h>

#define NO_FAULT SIZE_MAX

struct memory_broker {
	struct broker broker;
	struct arena *arena;
	struct wire requests, answers;
	bool down;
	size_t fail_after;
	struct outgoing *events;
	size_t count;
};

/* One call of publish, from its beginning to its answer. */
struct publishing {
	struct memory_broker *broker;
	const struct publication *publication;
	struct published published;
	bool failed;
	publish_done *done;
	void *context;
};

static void publish(struct broker *port, const struct publication *publication, publish_done *done,
		    void *context);
static bool is_up(const struct broker *port);

struct memory_broker *memory_broker_new(struct simulation *simulation)
{
	static const struct broker_ops ops = {publish, is_up};
	struct memory_broker *broker = must_alloc(sizeof *broker);

	broker->broker.ops = &ops;
	broker->arena = arena_new(4096);
	broker->fail_after = NO_FAULT;
	wire_init(&broker->requests, simulation);
	wire_init(&broker->answers, simulation);
	return broker;
}

void memory_broker_free(struct memory_broker **broker)
{
	if (!*broker)
		return;
	wire_clear(&(*broker)->requests);
	wire_clear(&(*broker)->answers);
	arena_free(&(*broker)->arena);
	free(*broker);
	*broker = NULL;
}

static void keep(struct memory_broker *broker, const struct outgoing *event)
{
	const struct bytes *payload = &event->payload;

	broker->events = arena_grow(broker->arena, broker->events, broker->count, sizeof *broker->events);
	broker->events[broker->count++] = (struct outgoing){
		event->type, {arena_copy(broker->arena, payload->data, payload->size), payload->size}};
}

static void on_answer(void *context)
{
	static const struct failure failure = {FAILURE_RETRY, "broker: not reachable"};
	struct publishing *publishing = context;

	publishing->done(publishing->context, &publishing->published, publishing->failed ? &failure : NULL);
}

static void on_request(void *context)
{
	struct publishing *publishing = context;
	struct memory_broker *broker = publishing->broker;
	const struct publication *publication = publishing->publication;
	size_t limit = broker->down ? 0 : broker->fail_after;

	if (!broker->down)
		broker->fail_after = NO_FAULT;
	publishing->failed = limit != NO_FAULT;
	for (size_t i = 0; i < publication->row_count; i++) {
		const struct outgoing_row *row = &publication->rows[i];

		for (size_t j = 0; j < row->count && publishing->published.events < limit; j++) {
			keep(broker, &row->events[j]);
			publishing->published.events++;
		}
		publishing->published.position = row->position;
	}
	wire_pass(&broker->answers, on_answer, publishing);
}

static void publish(struct broker *port, const struct publication *publication, publish_done *done,
		    void *context)
{
	struct memory_broker *broker = (struct memory_broker *)port;
	struct publishing *publishing = arena_alloc(broker->arena, sizeof *publishing);

	*publishing = (struct publishing){broker, publication, {0}, false, done, context};
	wire_pass(&broker->requests, on_request, publishing);
}

static bool is_up(const struct broker *port)
{
	return !((const struct memory_broker *)port)->down;
}

/* ---- what tests say and see ---- */

struct broker *memory_broker_port(struct memory_broker *broker)
{
	return &broker->broker;
}

struct wire *memory_broker_requests(struct memory_broker *broker)
{
	return &broker->requests;
}

struct wire *memory_broker_answers(struct memory_broker *broker)
{
	return &broker->answers;
}

void memory_broker_set_down(struct memory_broker *broker, bool down)
{
	broker->down = down;
}

void memory_broker_fail_after(struct memory_broker *broker, size_t count)
{
	broker->fail_after = count;
}

size_t memory_broker_count(const struct memory_broker *broker)
{
	return broker->count;
}

const struct outgoing *memory_broker_event(const struct memory_broker *broker, size_t index)
{
	return &broker->events[index];
}
