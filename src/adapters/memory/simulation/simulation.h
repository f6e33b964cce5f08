/*
 * Simulated time, and the loop that runs on it.
 *
 * What happens next is the earliest task, and among tasks of one time the one that was posted first: a test
 * that does the same twice sees the same twice.  Time stands still until a test moves it.
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

/* Drops what was posted and did not run yet.  Accepts NULL in *simulation and nulls it. */
void simulation_free(struct simulation **simulation);

/* Milliseconds since the simulation began. */
int64_t simulation_now_ms(const struct simulation *simulation);

/* `run` is called from the loop, in `delay_ms`.  The task is valid until then, or until it is cancelled. */
struct task *simulation_post(struct simulation *simulation, int64_t delay_ms, simulation_task *run,
			     void *context);

/* Accepts NULL in *task and nulls it. */
void simulation_cancel(struct simulation *simulation, struct task **task);

/* Runs all that is due now, and what that posts for now; time does not move. */
void simulation_run_until_idle(struct simulation *simulation);

/* Lets that much time pass, and everything happen that falls into it. */
void simulation_advance_ms(struct simulation *simulation, int64_t ms);

/*
 * Lets time pass, from task to task, until `reached` says yes.  False when it did not within `limit_ms`, or
 * when nothing is left to happen.
 */
bool simulation_run_until(struct simulation *simulation, simulation_question *reached, void *context,
			  int64_t limit_ms);

#endif
