/* Begins, runs and ends processes. */
#include "bus/process/processes.h"

#include "bus/lane/lane.h"
#include "bus/leases/lease.h"
#include "bus/messages/message_bus.h"
#include "bus/messages/preconditions.h"
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
	size_t submitted;          /* commands that have been queued */
	size_t unfinished;         /* of them, those without an outcome */
	bool is_running;           /* all commands have been queued, and no lane has the event */
	const char *postponed_sku; /* of a command that was postponed, or NULL */
	struct process *next, *prev;
};

struct processes {
	struct lanes_shared *shared;
	struct line_index *lines;
	uint64_t arrivals;
	struct process *first; /* that this worker has begun and not ended */
	size_t unfinished;     /* commands without an outcome, of all processes */
	int64_t *postponed;    /* keys of processes whose event is to come again from its stream */
	size_t postponed_count;

	/* While the store is asked. */
	struct arena *arena;
	struct delivery *asked[BEGIN_MAX];
	struct process_start starts[BEGIN_MAX];
	size_t start_count;
	size_t begin_max; /* fewer than BEGIN_MAX while an event that cannot begin is searched for */
	store_done *done;
	void *done_context;
};

struct processes *processes_new(struct lanes_shared *shared)
{
	struct processes *processes = must_alloc(sizeof *processes);

	processes->shared = shared;
	processes->lines = line_index_new();
	processes->arena = arena_new(4096);
	processes->begin_max = BEGIN_MAX;
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
	free(it->postponed);
	free(it);
	*processes = NULL;
}

/* ---- arrival ---- */

/*
 * An event without an id gets a key, by which its process is found if the worker dies.  All replays of one
 * dead letter have the same.
 */
static void ensure_key(struct processes *processes, struct delivery *event)
{
	const char *id;

	if (event->inbox_key)
		return;
	id = event->replay ? arena_printf(event->arena, "dead letter %" PRId64, event->replay->dead_letter)
			   : random_name(processes->shared->ports->random, event->arena);
	delivery_set_key(event, &(struct inbox_key){message_name(event->type), "no id", id});
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
	return delivery->is_event && !delivery->decided && !delivery->has_begun &&
	       !delivery_lost_lease(delivery);
}

/* An event that was postponed comes again, and joins its process. */
static void add_postponed(struct processes *processes, int64_t key)
{
	processes->postponed = must(realloc(processes->postponed,
					    (processes->postponed_count + 1) * sizeof *processes->postponed));
	processes->postponed[processes->postponed_count++] = key;
}

static void remove_postponed(struct processes *processes, int64_t key)
{
	for (size_t i = 0; i < processes->postponed_count; i++) {
		if (processes->postponed[i] == key)
			processes->postponed[i--] = processes->postponed[--processes->postponed_count];
	}
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
	remove_postponed(processes, process->key);
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
	event->was_answered = true;
	delivery_reopen(event);
}

static void note_begun(struct processes *processes, struct delivery *event, const struct process_start *start)
{
	if (!start->is_answered)
		return;
	event->has_begun = true;
	if (start->is_from_future) {
		event->cause = CAUSE_FROM_THE_FUTURE;
		delivery_decide(event, OUTCOME_INVALID, FROM_THE_FUTURE);
	} else if (start->key && start->digest != event->digest) {
		delivery_conclude(event, REJECT_ID_REUSED);
		event->decided = true;
	} else if (start->key) {
		event->process = add_process(processes, event, start);
		event->process_key = start->key;
		answer_early(event);
	}
}

/*
 * The database refuses the data of these events or a lease, or was busy for too long: half of them are asked
 * about next.  One whose data it refuses has failed, and one whose lease is lost is given back.
 */
static void narrow(struct processes *processes, const struct failure *failure)
{
	if (processes->start_count > 1)
		processes->begin_max = processes->start_count / 2;
	else if (failure->kind == FAILURE_DATA)
		delivery_decide(processes->asked[0], OUTCOME_FAILED, failure->text);
	else if (failure->kind == FAILURE_FENCED)
		processes->asked[0]->lease->is_lost = true;
}

/* Whether a failure says nothing about the database: the next attempt is made at once. */
static bool is_of_events(const struct failure *failure)
{
	return failure && (failure->kind == FAILURE_DATA || failure->kind == FAILURE_FENCED);
}

static void on_begun(void *context, const struct failure *failure)
{
	struct processes *processes = context;

	if (is_of_events(failure) || (failure && failure->kind == FAILURE_BUSY))
		narrow(processes, failure);
	for (size_t i = 0; !failure && i < processes->start_count; i++)
		note_begun(processes, processes->asked[i], &processes->starts[i]);
	if (!failure)
		processes->begin_max =
			processes->begin_max < BEGIN_MAX / 2 ? 2 * processes->begin_max : BEGIN_MAX;
	processes->done(processes->done_context, is_of_events(failure) ? NULL : failure);
}

/*
 * Sets the lines that commands which arrived before the event may still allocate.  They are copied, as such a
 * command may end, and be freed, before the store carries out the call.
 */
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
			arena_strdup(processes->arena, message_text(&it->envelope.message, "sku")),
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
	for (struct delivery *it = queue->first; it && processes->start_count < processes->begin_max;
	     it = it->next) {
		struct process_start *start = &processes->starts[processes->start_count];

		if (!processes_must_begin(it))
			continue;
		if (map_get(&keys, it->inbox_key))
			break; /* it comes again, and joins the process later */
		if (engine_must_wait_for(processes->shared->engine, it))
			break; /* it is postponed when its turn comes */
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
	process->submitted++;
	process->unfinished++;
	processes->unfinished++;
	engine_accept(processes->shared->engine, delivery);
	lane_push(engine_lane_of(processes->shared->engine, delivery->sku), delivery);
}

bool processes_submit(struct processes *processes, struct delivery *event)
{
	struct process *process = event->process;

	while (process && process->submitted < process->line_count) {
		/* On a stream of the range, an event concerns the lines of that stream's SKUs. */
		if (delivery_is_elsewhere(event, process->lines[process->submitted].sku)) {
			process->submitted++;
			continue;
		}
		if (!engine_has_room_for_process(processes->shared->engine))
			return false;
		submit(processes, process, process->submitted);
	}
	return true;
}

/* ---- end ---- */

/* A command that was postponed may have an effect later: the event comes again, behind what it waits for. */
static void end(struct processes *processes, struct delivery *event)
{
	struct engine *engine = processes->shared->engine;
	const char *sku = event->process ? event->process->postponed_sku : NULL;

	if (sku)
		engine_postpone(engine, event, sku);
	else
		lane_push(engine_lane_of(engine, delivery_key(event)), event);
}

void processes_adopt(struct processes *processes, struct delivery *event)
{
	struct process *process = event->process;

	event->was_accepted = true;
	if (process && process->unfinished)
		process->is_running = true;
	else
		end(processes, event);
}

static void note_outcome_of_command(struct processes *processes, const struct delivery *command)
{
	struct process *process = command->part_of;

	if (command->outcome == OUTCOME_POSTPONED && !process->postponed_sku)
		process->postponed_sku = arena_strdup(process->event->arena, delivery_key(command));
	processes->unfinished--;
	process->unfinished--;
	if (process->unfinished || !process->is_running)
		return;
	process->is_running = false;
	end(processes, process->event);
}

void processes_note_outcome(struct processes *processes, struct delivery *delivery)
{
	line_index_remove(delivery);
	if (delivery->process)
		remove_process(processes, delivery->process);
	if (delivery->process && delivery->outcome == OUTCOME_POSTPONED &&
	    delivery->transport == TRANSPORT_STREAM && !delivery_lost_lease(delivery))
		add_postponed(processes, delivery->process_key);
	if (delivery->part_of)
		note_outcome_of_command(processes, delivery);
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
	for (size_t i = 0; i < processes->postponed_count && count < max; i++)
		keys[count++] = processes->postponed[i];
	return count;
}

void processes_forget_postponed(struct processes *processes)
{
	processes->postponed_count = 0;
}
