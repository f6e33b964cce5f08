/* The simulated loop is one list of tasks, in the order in which they will run. */
#include "adapters/memory/simulation/simulation.h"

#include "core/base/must.h"

#include <assert.h>

/* This many tasks at one moment of simulated time are considered an endless loop. */
#define TASKS_AT_ONCE_MAX 10000000

struct task {
	struct task *previous, *next;
	int64_t at_ms;
	simulation_task *run;
	void *context;
};

struct simulation {
	int64_t now_ms;
	uint64_t trace;
	struct task *first, *last;
	struct task *recent; /* the last one inserted, or a task before it; NULL: none */
};

struct simulation *simulation_new(void)
{
	struct simulation *simulation = must_alloc(sizeof *simulation);

	simulation->trace = 1;
	return simulation;
}

static void unlink_task(struct simulation *simulation, struct task *task)
{
	assert((simulation->first == task) == !task->previous);
	if (simulation->recent == task)
		simulation->recent = task->previous;
	if (task->previous)
		task->previous->next = task->next;
	else
		simulation->first = task->next;
	if (task->next)
		task->next->previous = task->previous;
	else
		simulation->last = task->previous;
}

void simulation_cancel(struct simulation *simulation, struct task **task)
{
	if (!*task)
		return;
	unlink_task(simulation, *task);
	free(*task);
	*task = NULL;
}

void simulation_free(struct simulation **simulation)
{
	if (!*simulation)
		return;
	while ((*simulation)->first) {
		struct task *task = (*simulation)->first;

		simulation_cancel(*simulation, &task);
	}
	free(*simulation);
	*simulation = NULL;
}

uint64_t simulation_trace(const struct simulation *simulation)
{
	return simulation->trace;
}

int64_t simulation_now_ms(const struct simulation *simulation)
{
	return simulation->now_ms;
}

/* Inserts the task after all that are not later; it searches from the last one inserted: most are near it. */
static void link_task(struct simulation *simulation, struct task *task)
{
	struct task *earlier = simulation->recent ? simulation->recent : simulation->first;

	while (earlier && earlier->next && earlier->next->at_ms <= task->at_ms)
		earlier = earlier->next;
	while (earlier && earlier->at_ms > task->at_ms)
		earlier = earlier->previous;
	task->previous = earlier;
	simulation->recent = task;
	task->next = earlier ? earlier->next : simulation->first;
	if (task->next)
		task->next->previous = task;
	else
		simulation->last = task;
	if (earlier)
		earlier->next = task;
	else
		simulation->first = task;
}

struct task *simulation_post(struct simulation *simulation, int64_t delay_ms, simulation_task *run,
			     void *context)
{
	struct task *task = must_malloc(sizeof *task);

	assert(delay_ms >= 0);
	*task = (struct task){.at_ms = simulation->now_ms + delay_ms, .run = run, .context = context};
	link_task(simulation, task);
	return task;
}

static void run_first(struct simulation *simulation)
{
	struct task task = *simulation->first, *first = simulation->first;

	simulation->now_ms = task.at_ms;
	/* As FNV-1a does with a byte: see core/base/hash.h. */
	simulation->trace = (simulation->trace ^ (uint64_t)task.at_ms) * UINT64_C(0x100000001b3);
	simulation_cancel(simulation, &first);
	task.run(task.context);
}

static bool is_due_by(const struct simulation *simulation, int64_t at_ms)
{
	return simulation->first && simulation->first->at_ms <= at_ms;
}

void simulation_run_until_idle(struct simulation *simulation)
{
	for (int ran = 0; is_due_by(simulation, simulation->now_ms); ran++) {
		assert(ran < TASKS_AT_ONCE_MAX);
		run_first(simulation);
	}
}

void simulation_advance_ms(struct simulation *simulation, int64_t ms)
{
	int64_t end_ms = simulation->now_ms + ms;

	simulation_run_until_idle(simulation);
	while (is_due_by(simulation, end_ms)) {
		simulation->now_ms = simulation->first->at_ms;
		simulation_run_until_idle(simulation);
	}
	simulation->now_ms = end_ms;
}

bool simulation_run_until(struct simulation *simulation, simulation_question *reached, void *context,
			  int64_t limit_ms)
{
	int64_t end_ms = simulation->now_ms + limit_ms;

	while (!reached(context)) {
		if (!is_due_by(simulation, end_ms))
			return false;
		run_first(simulation);
	}
	return true;
}
