/*
 * Processes: an external event that becomes one command for each line of its order.
 *
 * A command changes one product, in one unit of work.  An event such as order_cancelled concerns many
 * products, whose lanes know nothing of each other:
 *
 *     begin ─► run ─► a command a line, each in the lane of its SKU ─► end
 *
 * begin: one transaction records the event, and the lines of its order: from then on the event is not lost,
 *        and keeps its lines.  The SKU resolver calls it, so no later message overtakes the event.
 * run:   each command takes the event's place in its SKU's lane.  Its key in the inbox is made of the
 *        process and the number of its line, so it has one effect, however often the process is run.
 * end:   when all commands have their outcome the event itself passes through a lane: its commit spends
 *        its id, and deletes the record.
 *
 * A worker that receives the event again joins the process, and runs it from its record.  The record of a
 * worker that died is found by housekeeping.
 */
#ifndef ALLOCD_BUS_PROCESS_PROCESSES_H
#define ALLOCD_BUS_PROCESS_PROCESSES_H

#include "bus/engine/engine_lanes.h"
#include "bus/ports/process_store.h"

struct processes;

/* A process whose commands have not all ended. */
struct process;

struct processes *processes_new(struct lanes_shared *shared);

/*
 * To be freed before the lanes.  Frees the events whose commands have not ended; accepts NULL in *processes
 * and nulls it.
 */
void processes_free(struct processes **processes);

/* To be called for each message that arrives, and for each delivery that has its outcome. */
void processes_note_arrival(struct processes *processes, struct delivery *delivery);
void processes_note_outcome(struct processes *processes, struct delivery *delivery);

/* Whether the delivery is an event whose process has to begin. */
bool processes_must_begin(const struct delivery *delivery);

/*
 * Begins the processes of events in the queue, the first one's at least.  `done` is called as a store calls
 * it; after a failure the call may be repeated.
 */
void processes_begin(struct processes *processes, const struct delivery_queue *queue, store_done *done,
		     void *context);

/*
 * Queues the commands of the event's process, if one began: those that have not been queued and for which
 * there is room.  Returns whether all of them have been.
 */
bool processes_submit(struct processes *processes, struct delivery *event);

/* All commands have been queued: the process owns the event, and ends it when all have their outcome. */
void processes_adopt(struct processes *processes, struct delivery *event);

/* The number of commands that are queued and have no outcome, of all processes. */
size_t processes_unfinished(const struct processes *processes);

/*
 * Whether this worker runs the process; sets the keys of up to `max` such processes, and of those whose
 * event it postponed and is to read again from its stream, and returns their number.
 */
bool processes_is_running(const struct processes *processes, int64_t key);
size_t processes_running(const struct processes *processes, int64_t *keys, size_t max);

/* No stream entries are postponed any more. */
void processes_forget_postponed(struct processes *processes);

#endif
