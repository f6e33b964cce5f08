/* The steps of the suites of checkpoints. */
#include "integration/checkpoints/checkpoint_steps.h"

struct checkpoints *checkpoints;

void checkpoints_set_up(void)
{
	checkpoints_under_test->set_up(checkpoints_under_test);
	checkpoints = checkpoints_under_test->make_checkpoints(checkpoints_under_test);
}

void checkpoints_tear_down(void)
{
	checkpoints_under_test->tear_down(checkpoints_under_test);
}

void on_answer(void *context, const struct failure *failure)
{
	bool *answered = context;

	ck_assert_msg(!failure, "%s", failure ? failure->text : "");
	ck_assert(!*answered);
	*answered = true;
}

void await(const bool *answered)
{
	ck_assert_msg(!*answered, "answered before the call returned");
	checkpoints_under_test->run_until(checkpoints_under_test, answered);
}

struct stream_record open_in_state(const char *name, const struct stream_state *state)
{
	struct stream_record record;
	bool answered = false;

	checkpoints->ops->open_stream(checkpoints, name, state, &record, on_answer, &answered);
	await(&answered);
	return record;
}

struct stream_record open_stream(const char *name, struct stream_id last_generated, bool has_group)
{
	return open_in_state(
		name, &(struct stream_state){.last_generated = last_generated, .has_group = has_group});
}

void mark(const char *name, int64_t incarnation, struct stream_id done, struct stream_id last_generated)
{
	struct stream_record record = {.incarnation = incarnation, .done = done};
	bool answered = false;

	checkpoints->ops->mark_stream(checkpoints, name, &record,
				      &(struct stream_state){.last_generated = last_generated}, on_answer,
				      &answered);
	await(&answered);
}

void note(const struct subscription_gap *windows, size_t count, bool is_subscribed)
{
	bool answered = false;

	checkpoints->ops->note_blindness(checkpoints, windows, count, is_subscribed, on_answer, &answered);
	await(&answered);
}

void assert_record(struct stream_record record, int64_t incarnation, struct stream_id done)
{
	ck_assert_int_eq(record.incarnation, incarnation);
	ck_assert_uint_eq(record.done.ms, done.ms);
	ck_assert_uint_eq(record.done.seq, done.seq);
}

struct stream_id id(uint64_t ms, uint64_t seq)
{
	return (struct stream_id){ms, seq};
}

const char *windows(void)
{
	static char text[1024];

	checkpoints_under_test->gaps(checkpoints_under_test, text, sizeof text);
	return text;
}
