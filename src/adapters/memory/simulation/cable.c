/* A cable is a queue of passages; a passage has a task in the loop unless it is held. */
#include "adapters/memory/simulation/cable.h"

#include "adapters/memory/simulation/random.h"
#include "core/base/must.h"

struct passage {
	struct passage *next;
	struct task *task; /* NULL: held */
	simulation_task *arrive;
	void *context;
};

void cable_init(struct cable *cable, struct simulation *simulation)
{
	*cable = (struct cable){.simulation = simulation};
}

static void pop(struct cable *cable)
{
	struct passage *passage = cable->first;

	cable->first = passage->next;
	if (!cable->first)
		cable->last = NULL;
	free(passage);
}

void cable_clear(struct cable *cable)
{
	while (cable->first) {
		simulation_cancel(cable->simulation, &cable->first->task);
		pop(cable);
	}
}

/* Passages do not overtake each other: the first to be sent is the first to arrive. */
static void arrive_first(void *context)
{
	struct cable *cable = context;
	struct passage passage = *cable->first;

	pop(cable);
	passage.arrive(passage.context);
}

static int64_t travel_ms(struct cable *cable)
{
	if (cable->longest_ms == cable->shortest_ms)
		return cable->shortest_ms;
	return cable->shortest_ms +
	       (int64_t)random_below(cable->random, (uint64_t)(cable->longest_ms - cable->shortest_ms + 1));
}

static void send(struct cable *cable, struct passage *passage)
{
	int64_t now_ms = simulation_now_ms(cable->simulation);
	int64_t arrival_ms = now_ms + travel_ms(cable);

	if (arrival_ms < cable->last_arrival_ms)
		arrival_ms = cable->last_arrival_ms;
	cable->last_arrival_ms = arrival_ms;
	passage->task = simulation_post(cable->simulation, arrival_ms - now_ms, arrive_first, cable);
}

void cable_pass(struct cable *cable, simulation_task *arrive, void *context)
{
	struct passage *passage = must_malloc(sizeof *passage);

	*passage = (struct passage){.arrive = arrive, .context = context};
	if (cable->last)
		cable->last->next = passage;
	else
		cable->first = passage;
	cable->last = passage;
	if (!cable->held)
		send(cable, passage);
}

void cable_hold(struct cable *cable)
{
	cable->held = true;
}

bool cable_let_one(struct cable *cable)
{
	struct passage *passage = cable->first;

	while (passage && passage->task)
		passage = passage->next;
	if (passage)
		send(cable, passage);
	return passage != NULL;
}

void cable_open(struct cable *cable)
{
	cable->held = false;
	while (cable_let_one(cable))
		;
}

size_t cable_waiting(const struct cable *cable)
{
	size_t count = 0;

	for (const struct passage *passage = cable->first; passage; passage = passage->next)
		count += !passage->task;
	return count;
}

void cable_delay(struct cable *cable, int64_t shortest_ms, int64_t longest_ms, struct random *random)
{
	cable->shortest_ms = shortest_ms;
	cable->longest_ms = longest_ms;
	cable->random = random;
}
