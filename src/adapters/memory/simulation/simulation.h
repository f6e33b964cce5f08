/*
 * Simulated time, and the loop that runs on it.
 *
 * The loop runs the earliest task next, and tasks of the same time in the order in which they were posted, so
 * every run of a test is the same.  Time stands still until a test advances it.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_SIMULATION_SIMULATION_H
#define ALLOCD_ADAPTERS_MEMORY_SIMULATION_SIMULATION_H

#include <stdbool.h>
#include <stdint.h>

struct simulation;
struct task;

typedef void simulation_task(void *context);
typedef bool simulation_question(void *context);

struct simulation *simulation_new(void);

/* Drops the tasks that have not run yet.  Accepts NULL in *simulation and nulls it. */
void simulation_free(struct simulation **simulation);

/* A hash of the times of all tasks that ran: it differs when one ran that did not, or ran at another time. */
uint64_t simulation_trace(const struct simulation *simulation);

/* Milliseconds since the simulation began. */
int64_t simulation_now_ms(const struct simulation *simulation);

/* Calls `run` from the loop after `delay_ms`.  The task is valid until then, or until it is cancelled. */
struct task *simulation_post(struct simulation *simulation, int64_t delay_ms, simulation_task *run,
			     void *context);

/* Cancels the task.  Accepts NULL in *task and nulls it. */
void simulation_cancel(struct simulation *simulation, struct task **task);

/* Runs all tasks that are due, including those they post for the current time; time does not advance. */
void simulation_run_until_idle(struct simulation *simulation);

/* Advances time by `ms`, and runs every task that becomes due. */
void simulation_advance_ms(struct simulation *simulation, int64_t ms);

/*
 * Advances time from task to task until `reached` returns true.  Returns false if it does not within
 * `limit_ms`, or if no task is left.
 */
bool simulation_run_until(struct simulation *simulation, simulation_question *reached, void *context,
			  int64_t limit_ms);

#endif
