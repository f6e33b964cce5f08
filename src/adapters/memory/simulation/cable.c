/* A wire is a queue of passages; one that is on its way has a task in the loop, one that is held has none. */
#include "adapters/memory/simulation/cable.h"

#include "adapters/memory/simulation/random.h"
#include "core/base/must.h"

struct passage {
	struct passage *next;
	struct task *task; /* NULL: held */
	simulation_task *arrive;
	void *context;
};

void wire_init(struct wire *wire, struct simulation *simulation)
{
	*wire = (struct wire){.simulation = simulation};
}

static void pop(struct wire *wire)
{
	struct passage *passage = wire->first;

	wire->first = passage->next;
	if (!wire->first)
		wire->last = NULL;
	free(passage);
}

void wire_clear(struct wire *wire)
{
	while (wire->first) {
		simulation_cancel(wire->simulation, &wire->first->task);
		pop(wire);
	}
}

/* Nothing overtakes: the first to be sent is the first to arrive. */
static void arrive_first(void *context)
{
	struct wire *wire = context;
	struct passage passage = *wire->first;

	pop(wire);
	passage.arrive(passage.context);
}

static int64_t travel_ms(struct wire *wire)
{
	if (wire->longest_ms == wire->shortest_ms)
		return wire->shortest_ms;
	return wire->shortest_ms +
	       (int64_t)random_below(wire->random, (uint64_t)(wire->longest_ms - wire->shortest_ms + 1));
}

static void send(struct wire *wire, struct passage *passage)
{
	int64_t now_ms = simulation_now_ms(wire->simulation);
	int64_t arrival_ms = now_ms + travel_ms(wire);

	if (arrival_ms < wire->last_arrival_ms)
		arrival_ms = wire->last_arrival_ms;
	wire->last_arrival_ms = arrival_ms;
	passage->task = simulation_post(wire->simulation, arrival_ms - now_ms, arrive_first, wire);
}

void wire_pass(struct wire *wire, simulation_task *arrive, void *context)
{
	struct passage *passage = must_alloc(sizeof *passage);

	passage->arrive = arrive;
	passage->context = context;
	if (wire->last)
		wire->last->next = passage;
	else
		wire->first = passage;
	wire->last = passage;
	if (!wire->held)
		send(wire, passage);
}

void wire_hold(struct wire *wire)
{
	wire->held = true;
}

bool wire_let_one(struct wire *wire)
{
	struct passage *passage = wire->first;

	while (passage && passage->task)
		passage = passage->next;
	if (passage)
		send(wire, passage);
	return passage != NULL;
}

void wire_open(struct wire *wire)
{
	wire->held = false;
	while (wire_let_one(wire))
		;
}

size_t wire_waiting(const struct wire *wire)
{
	size_t count = 0;

	for (const struct passage *passage = wire->first; passage; passage = passage->next)
		count += !passage->task;
	return count;
}

void wire_delay(struct wire *wire, int64_t shortest_ms, int64_t longest_ms, struct random *random)
{
	wire->shortest_ms = shortest_ms;
	wire->longest_ms = longest_ms;
	wire->random = random;
}
