/* What the suites of checkpoints share: calls, each with its answer awaited. */
#ifndef ALLOCD_TESTS_CHECKPOINT_STEPS_H
#define ALLOCD_TESTS_CHECKPOINT_STEPS_H

#include "integration/checkpoints/checkpoints_suite.h"

/* One worker's checkpoints, between the two calls that begin and end each test. */
extern struct checkpoints *checkpoints;

void checkpoints_set_up(void);
void checkpoints_tear_down(void);

void on_answer(void *context, const struct failure *failure);

void await(const bool *answered);

struct stream_record open_in_state(const char *name, const struct stream_state *state);

/* Opens a stream that bears no mark. */
struct stream_record open_stream(const char *name, struct stream_id last_generated, bool has_group);

void mark(const char *name, int64_t incarnation, struct stream_id done, struct stream_id last_generated);

void note(const struct subscription_gap *windows, size_t count, bool is_subscribed);

void assert_record(struct stream_record record, int64_t incarnation, struct stream_id done);

struct stream_id id(uint64_t ms, uint64_t seq);

const char *windows(void);

#endif
