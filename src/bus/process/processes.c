/* Begins, runs and ends processes. */
#include "bus/process/processes.h"

#include "bus/lane/lane.h"
#include "bus/messages/message_bus.h"
#include "bus/process/line_index.h"
#include "core/base/map.h"
#include "core/base/must.h"

#include <inttypes.h>
#include <stdlib.h>

/* The most processes that begin in one transaction. */
#define BEGIN_MAX 100

struct process {
	int64_t key;
	struct delivery *event; /* whose arena holds the process */
	struct order_line *lines;
	size_t line_count;
	size_t unfinished; /* commands without an outcome */
	bool is_running;   /* its commands are under way, and no lane has the event */
	struct process *next, *prev;
};

struct processes {
	struct lanes_shared *shared;
	struct line_index *lines;
	uint64_t arrivals;
	struct process *first; /* that this worker has begun and not ended */
	size_t unfinished;     /* commands without an outcome, of all processes */

	/* While the store is asked. */
	struct arena *arena;
	struct delivery *asked[BEGIN_MAX];
	struct process_start starts[BEGIN_MAX];
	size_t start_count;
	store_done *done;
	void *done_context;
};

struct processes *processes_new(struct lanes_shared *shared)
{
	struct processes *processes = must_alloc(sizeof *processes);

	processes->shared = shared;
	processes->lines = line_index_new();
	processes->arena = arena_new(4096);
	return processes;
}

void processes_free(struct processes **processes)
{
	struct processes *it = *processes;
	struct process *next;

	if (!it)
		return;
	for (struct process *process = it->first; process; process = next) {
		struct delivery *event = process->event; /* whose arena holds the process */

		next = process->next;
		if (process->is_running)
			delivery_free(&event);
	}
	line_index_free(&it->lines);
	arena_free(&it->arena);
	free(it);
	*processes = NULL;
}

/* ---- arrival ---- */

/* An event without an id gets a key, by which its process is found if the worker dies. */
static void ensure_key(struct processes *processes, struct delivery *event)
{
	struct random *random = processes->shared->ports->random;

	if (event->inbox_key)
		return;
	delivery_set_key(event, &(struct inbox_key){message_name(event->type), "no id",
						    random_name(random, event->arena)});
}

void processes_note_arrival(struct processes *processes, struct delivery *delivery)
{
	delivery->number = ++processes->arrivals;
	line_index_add(processes->lines, delivery);
	if (delivery->is_event && !delivery->decided)
		ensure_key(processes, delivery);
}

/* ---- begin ---- */

bool processes_must_begin(const struct delivery *delivery)
{
	return delivery->is_event && !delivery->decided && !delivery->has_begun;
}

static struct process *add_process(struct processes *processes, struct delivery *event,
				   const struct process_start *start)
{
	struct process *process = arena_alloc(event->arena, sizeof *process);

	*process = (struct process){
		.key = start->key,
		.event = event,
		.lines = arena_alloc(event->arena, start->line_count * sizeof *start->lines + 1),
		.line_count = start->line_count,
		.next = processes->first,
	};
	for (size_t i = 0; i < start->line_count; i++)
		process->lines[i] = (struct order_line){message_text(&event->envelope.message, "orderid"),
							arena_strdup(event->arena, start->lines[i].sku),
							start->lines[i].qty};
	if (processes->first)
		processes->first->prev = process;
	processes->first = process;
	return process;
}

static void remove_process(struct processes *processes, struct process *process)
{
	if (process->prev)
		process->prev->next = process->next;
	else
		processes->first = process->next;
	if (process->next)
		process->next->prev = process->prev;
}

/* A caller over HTTP is answered now: the event is not lost any more, and its commands may take long. */
static void answer_early(struct delivery *event)
{
	if (event->transport != TRANSPORT_HTTP || !event->answered)
		return;
	delivery_conclude(event, ACCEPTED);
	event->answered(event->context, event);
	event->answered = NULL;
	delivery_reopen(event);
}

static void note_begun(struct processes *processes, struct delivery *event, const struct process_start *start)
{
	if (!start->is_answered)
		return;
	event->has_begun = true;
	if (start->key && start->digest != event->digest) {
		delivery_conclude(event, REJECT_ID_REUSED);
		event->decided = true;
	} else if (start->key) {
		event->process = add_process(processes, event, start);
		event->process_key = start->key;
		answer_early(event);
	}
}

static void on_begun(void *context, const struct failure *failure)
{
	struct processes *processes = context;

	for (size_t i = 0; !failure && i < processes->start_count; i++)
		note_begun(processes, processes->asked[i], &processes->starts[i]);
	processes->done(processes->done_context, failure);
}

/* Sets the lines that commands which arrived before the event may still allocate. */
static void find_pending(const struct processes *processes, const struct delivery *event,
			 struct process_start *start)
{
	const char *orderid = message_text(&event->envelope.message, "orderid");
	struct order_line *lines = NULL;
	size_t count = 0;

	for (const struct delivery *it = line_index_first(processes->lines, orderid); it;
	     it = line_index_next(it)) {
		if (it->number > event->number)
			continue;
		lines = arena_grow(processes->arena, lines, count, sizeof *lines);
		lines[count++] = (struct order_line){
			orderid,
			message_text(&it->envelope.message, "sku"),
			(int32_t)message_number(&it->envelope.message, "qty"),
		};
	}
	start->pending = lines;
	start->pending_count = count;
}

void processes_begin(struct processes *processes, const struct delivery_queue *queue, store_done *done,
		     void *context)
{
	struct process_store *store = processes->shared->ports->process_store;
	struct map keys;

	arena_clear(processes->arena);
	map_init(&keys, processes->arena);
	processes->start_count = 0;
	processes->done = done;
	processes->done_context = context;
	for (struct delivery *it = queue->first; it && processes->start_count < BEGIN_MAX; it = it->next) {
		struct process_start *start = &processes->starts[processes->start_count];

		if (!processes_must_begin(it))
			continue;
		if (map_get(&keys, it->inbox_key))
			break; /* it comes again, and joins the process later */
		map_put(&keys, it->inbox_key, it);
		*start = (struct process_start){.event = it};
		find_pending(processes, it, start);
		processes->asked[processes->start_count++] = it;
	}
	store->ops->begin(store, processes->starts, processes->start_count, processes->arena, on_begun,
			  processes);
}

/* ---- run ---- */

static void submit(struct processes *processes, struct process *process, size_t number)
{
	struct delivery *event = process->event;
	struct message command;
	struct delivery *delivery;

	message_bus_route(event->type)
		->for_each_line(&event->envelope.message, &process->lines[number], &command);
	delivery = delivery_new_part(event, &command);
	delivery_set_key(delivery,
			 &(struct inbox_key){
				 message_name(command.type),
				 arena_printf(delivery->arena, PROCESS_SOURCE "%" PRId64, process->key),
				 arena_printf(delivery->arena, "%zu", number + 1),
			 });
	delivery->part_of = process;
	engine_accept(processes->shared->engine, delivery);
	lane_push(engine_lane_of(processes->shared->engine, delivery->sku), delivery);
}

static void end(struct processes *processes, struct delivery *event)
{
	lane_push(engine_lane_of(processes->shared->engine, delivery_key(event)), event);
}

void processes_run(struct processes *processes, struct delivery *event)
{
	struct process *process = event->process;

	if (!process || !process->line_count) {
		end(processes, event);
		return;
	}
	process->is_running = true;
	process->unfinished = process->line_count;
	processes->unfinished += process->line_count;
	for (size_t i = 0; i < process->line_count; i++)
		submit(processes, process, i);
}

/* ---- end ---- */

void processes_note_outcome(struct processes *processes, struct delivery *delivery)
{
	struct process *process = delivery->part_of;

	line_index_remove(delivery);
	if (delivery->process)
		remove_process(processes, delivery->process);
	if (!process)
		return;
	processes->unfinished--;
	if (--process->unfinished)
		return;
	process->is_running = false;
	end(processes, process->event);
}

size_t processes_unfinished(const struct processes *processes)
{
	return processes->unfinished;
}

/* ---- housekeeping ---- */

bool processes_is_running(const struct processes *processes, int64_t key)
{
	const struct process *it = processes->first;

	while (it && it->key != key)
		it = it->next;
	return it;
}

size_t processes_running(const struct processes *processes, int64_t *keys, size_t max)
{
	size_t count = 0;

	for (const struct process *it = processes->first; it && count < max; it = it->next)
		keys[count++] = it->key;
	return count;
}
