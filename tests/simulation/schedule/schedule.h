/*
 * The schedule of a run: the numbered steps that are taken, and the story of what happens in them.
 *
 * Each step draws its own random numbers, from the run's seed and its own number, and so does the end.  A run
 * without some of its steps is therefore a run, too: the other steps do what they did.
 *
 * ALLOCD_TEST_STEPS="3,17-20" names the steps that are taken; without it all are.  With ALLOCD_TEST_STORY=1
 * the story is printed, one line for each thing that happens, and the trace at its end.
 */
#ifndef ALLOCD_TESTS_SCHEDULE_H
#define ALLOCD_TESTS_SCHEDULE_H

#include "adapters/memory/simulation/random.h"

#include <stdbool.h>

/*
 * The number of steps of a seed's run, at most `longest`.  Below FRESH_SEEDS, which every run of the tests
 * plays, it is `longest`.  Of the others most are short, because many short runs find a fault in a tenth of
 * the time that few long ones need, and some are long, because what fills up needs time.
 */
#define FRESH_SEEDS 1000
int schedule_length(uint64_t seed, int longest);

/*
 * Begins a run of `steps` steps in `world`, and seeds `random` for what is before the first one.  Fails the
 * test if ALLOCD_TEST_STEPS is not a list of the run's steps.
 */
void schedule_begin(struct memory_random *random, uint64_t seed, int steps);

/* Seeds `random` for the next step that is taken; or for the end, and returns false. */
bool schedule_next(void);

/* The number of the step that is taken, from 1: 0 before the first one, and one more than all at the end. */
int schedule_step(void);

/* Ends the story. */
void schedule_end(void);

/* A hash of all that happened: the times of all tasks, all outcomes, and all events in the outbox's order. */
uint64_t schedule_trace(void);

/* Adds a line to the story: a sentence without its full stop. */
__attribute__((format(printf, 1, 2))) void story(const char *format, ...);

/* The codec's text of a message with blanks between its fields, in the arena of `world`. */
const char *in_one_line(const char *payload);

#endif
