/* Messages are counted by message, way, outcome and reason, and their times measured up to the commit. */
#include "support/bus_world.h"
#include "support/suites.h"

#include "bus/base/stream_id.h"
#include "bus/statistics/message_statistics.h"
#include "core/base/calendar.h"

#include <string.h>

/* ---- one delivery ---- */

#define RECEIVED_US  INT64_C(5000000) /* by the engine's clock */
#define COMMITTED_US INT64_C(5030000)
#define COMMITTED_AT INT64_C(1700000000000000) /* by the database's */

static struct message_statistics statistics;

static void reset(void)
{
	memset(&statistics, 0, sizeof statistics);
}

static struct delivery delivery_of(enum message_type type, enum outcome outcome)
{
	return (struct delivery){.type = type,
				 .transport = TRANSPORT_STREAM,
				 .outcome = outcome,
				 .verdict = outcome == OUTCOME_REJECTED ? REJECT_INVALID_SKU : ACCEPTED,
				 .received_us = RECEIVED_US,
				 .published_us = COMMITTED_AT - 200000};
}

static void finish(const struct delivery *delivery)
{
	message_statistics_finished(&statistics, delivery, COMMITTED_US, COMMITTED_AT);
}

static const struct message_figures *figures_of(enum message_type type)
{
	return &statistics.of[type][TRANSPORT_STREAM];
}

static uint64_t count_of(const struct histogram *histogram)
{
	return histogram_up_to(histogram, histogram_durations.count);
}

static const struct {
	enum outcome outcome;
	bool is_the_end;
} outcomes[] = {
	{OUTCOME_HANDLED, true},    {OUTCOME_SKIPPED, true}, {OUTCOME_REJECTED, true},
	{OUTCOME_INVALID, true},    {OUTCOME_FAILED, true},  {OUTCOME_POSTPONED, false},
	{OUTCOME_FORWARDED, false},
};

START_TEST(the_durations_of_all_messages_and_ways_are_added_up)
{
	struct delivery ship = delivery_of(MSG_SHIP, OUTCOME_HANDLED);
	struct delivery allocate = delivery_of(MSG_ALLOCATE, OUTCOME_REJECTED);
	struct histogram sum;

	allocate.transport = TRANSPORT_HTTP;
	finish(&ship);
	finish(&allocate);

	sum = message_statistics_durations(&statistics);
	ck_assert_uint_eq(count_of(&sum), 2);
	ck_assert_double_eq(sum.sum, 2 * (double)(COMMITTED_US - RECEIVED_US));
}
END_TEST

START_TEST(times_are_measured_of_messages_that_end_here_and_now)
{
	struct delivery delivery = delivery_of(MSG_ALLOCATE, outcomes[_i].outcome);
	const struct message_figures *figures = figures_of(MSG_ALLOCATE);

	finish(&delivery);

	ck_assert_uint_eq(figures->outcomes[outcomes[_i].outcome], 1);
	ck_assert_uint_eq(count_of(&figures->duration), outcomes[_i].is_the_end);
	ck_assert_double_eq(figures->duration.sum, outcomes[_i].is_the_end ? 30000 : 0);
	ck_assert_double_eq(figures->critical.sum, outcomes[_i].is_the_end ? 200000 : 0);
}
END_TEST

START_TEST(the_time_since_publication_is_not_measured_where_it_is_unknown)
{
	struct delivery delivery = delivery_of(MSG_ALLOCATE, OUTCOME_HANDLED);

	message_statistics_finished(&statistics, &delivery, COMMITTED_US, NO_INSTANT);
	delivery.published_us = NO_INSTANT;
	finish(&delivery);

	ck_assert_uint_eq(count_of(&figures_of(MSG_ALLOCATE)->duration), 2);
	ck_assert_uint_eq(count_of(&figures_of(MSG_ALLOCATE)->critical), 0);
}
END_TEST

START_TEST(a_publishers_clock_that_is_ahead_counts_as_no_time)
{
	struct delivery delivery = delivery_of(MSG_ALLOCATE, OUTCOME_HANDLED);

	delivery.published_us = COMMITTED_AT + 1000000;
	finish(&delivery);

	ck_assert_uint_eq(figures_of(MSG_ALLOCATE)->critical.counts[0], 1);
	ck_assert_double_eq(figures_of(MSG_ALLOCATE)->critical.sum, 0);
}
END_TEST

START_TEST(an_instant_of_long_ago_counts_as_30_days)
{
	struct delivery delivery = delivery_of(MSG_ALLOCATE, OUTCOME_HANDLED);

	delivery.published_us = INT64_C(-62135596800000000); /* the year 1 */
	for (int i = 0; i < 200; i++)
		finish(&delivery);

	ck_assert_double_eq(figures_of(MSG_ALLOCATE)->critical.sum, 200 * 30 * 86400e6);
}
END_TEST

START_TEST(an_id_that_no_clock_gives_is_no_instant)
{
	ck_assert(stream_id_instant((struct stream_id){UINT64_MAX, 1}) == NO_INSTANT);
	ck_assert(stream_id_instant((struct stream_id){UINT64_C(9300000000000000), 0}) == NO_INSTANT);
	ck_assert_int_eq(stream_id_instant((struct stream_id){1700000000000, 7}), 1700000000000000);
}
END_TEST

START_TEST(a_lost_message_has_no_time_of_its_commit)
{
	struct delivery delivery = delivery_of(MSG_ALLOCATE, OUTCOME_FAILED);

	delivery.is_lost = true;
	finish(&delivery);

	ck_assert_uint_eq(figures_of(MSG_ALLOCATE)->outcomes[OUTCOME_FAILED], 1);
	ck_assert_uint_eq(count_of(&figures_of(MSG_ALLOCATE)->duration), 0);
}
END_TEST

START_TEST(what_is_no_command_counts_as_unknown)
{
	struct delivery event = delivery_of(MSG_LINE_ALLOCATED, OUTCOME_INVALID);
	struct delivery unknown = delivery_of(MSG_NONE, OUTCOME_INVALID);

	message_statistics_received(&statistics, &event);
	message_statistics_received(&statistics, &unknown);
	finish(&event);

	ck_assert_uint_eq(figures_of(MSG_NONE)->received, 2);
	ck_assert_uint_eq(figures_of(MSG_LINE_ALLOCATED)->received, 0);
	ck_assert_uint_eq(statistics.refused[MSG_NONE][REASON_UNKNOWN_TYPE], 1);
}
END_TEST

static const struct {
	enum message_type type;
	enum outcome outcome;
	enum verdict verdict;
	size_t payload_size;
	enum reason_code code;
	enum refusal_cause cause;
} refusals[] = {
	{MSG_ALLOCATE, OUTCOME_REJECTED, REJECT_INVALID_SKU, 1, REASON_INVALID_SKU, CAUSE_USUAL},
	{MSG_CHANGE_BATCH_QUANTITY, OUTCOME_REJECTED, REJECT_UNKNOWN_BATCH, 1, REASON_UNKNOWN_BATCH,
	 CAUSE_USUAL},
	{MSG_CREATE_BATCH, OUTCOME_REJECTED, REJECT_BATCHREF_TAKEN, 1, REASON_BATCHREF_TAKEN, CAUSE_USUAL},
	{MSG_ALLOCATE, OUTCOME_REJECTED, REJECT_ID_REUSED, 1, REASON_ID_REUSED, CAUSE_USUAL},
	{MSG_NONE, OUTCOME_INVALID, ACCEPTED, 1, REASON_UNKNOWN_TYPE, CAUSE_USUAL},
	{MSG_ALLOCATE, OUTCOME_INVALID, ACCEPTED, PAYLOAD_MAX + 1, REASON_TOO_LARGE, CAUSE_USUAL},
	{MSG_ALLOCATE, OUTCOME_INVALID, ACCEPTED, PAYLOAD_MAX, REASON_MALFORMED, CAUSE_USUAL},
	{MSG_ALLOCATE, OUTCOME_FAILED, ACCEPTED, 1, REASON_DATABASE_REFUSED, CAUSE_USUAL},
	{MSG_ALLOCATE, OUTCOME_FAILED, ACCEPTED, 1, REASON_DAMAGED_ROWS, CAUSE_DAMAGED_ROWS},
	{MSG_ALLOCATE, OUTCOME_INVALID, ACCEPTED, 1, REASON_FROM_THE_FUTURE, CAUSE_FROM_THE_FUTURE},
};

START_TEST(a_refusal_is_counted_by_its_reason_and_so_is_its_dead_letter)
{
	struct delivery delivery = delivery_of(refusals[_i].type, refusals[_i].outcome);
	enum reason_code code = refusals[_i].code;

	delivery.verdict = refusals[_i].verdict;
	delivery.cause = refusals[_i].cause;
	delivery.payload_size = refusals[_i].payload_size;
	finish(&delivery);
	delivery.transport = TRANSPORT_HTTP; /* its sender is answered, so no dead letter is kept */
	finish(&delivery);

	ck_assert_uint_eq(statistics.refused[refusals[_i].type][code], 2);
	ck_assert_uint_eq(statistics.dead_letters[refusals[_i].type][code], 1);
	ck_assert_int_eq(reason_code_outcome(code), refusals[_i].outcome);
}
END_TEST

SUITE("message statistics", reset, NULL)
{
	tcase_add_test(tests, the_durations_of_all_messages_and_ways_are_added_up);
	tcase_add_loop_test(tests, times_are_measured_of_messages_that_end_here_and_now, 0, COUNT(outcomes));
	tcase_add_test(tests, the_time_since_publication_is_not_measured_where_it_is_unknown);
	tcase_add_test(tests, a_publishers_clock_that_is_ahead_counts_as_no_time);
	tcase_add_test(tests, an_instant_of_long_ago_counts_as_30_days);
	tcase_add_test(tests, an_id_that_no_clock_gives_is_no_instant);
	tcase_add_test(tests, a_lost_message_has_no_time_of_its_commit);
	tcase_add_test(tests, what_is_no_command_counts_as_unknown);
	tcase_add_loop_test(tests, a_refusal_is_counted_by_its_reason_and_so_is_its_dead_letter, 0,
			    COUNT(refusals));
}

/* ---- the engine ---- */

START_TEST(messages_that_share_a_unit_are_measured_from_their_own_receipt)
{
	const struct engine_stats *stats = engine_stats(world->engine);
	const struct message_figures *created = &stats->by_message.of[MSG_CREATE_BATCH][TRANSPORT_HTTP];

	hold_lane();
	create_batch("first", "LAMP", 10);
	world_run(world);
	world_advance_ms(world, 20);
	create_batch("second", "LAMP", 10);
	world_advance_ms(world, 20);
	release_lane();
	world_settle(world);

	ck_assert_uint_eq(created->received, 2);
	ck_assert_uint_eq(count_of(&created->duration), 2);
	ck_assert_double_eq(created->duration.sum, 40000 + 20000);
	ck_assert_uint_eq(stats->by_unit.messages.counts[0], 2);
	ck_assert_double_eq(stats->by_unit.stages[STAGE_WAIT].sum, 20000);
	ck_assert_double_eq(stats->by_unit.stages[STAGE_LOAD].sum + stats->by_unit.stages[STAGE_FLUSH].sum,
			    40000);
}
END_TEST

START_TEST(the_oldest_message_is_known_until_it_is_finished)
{
	const struct engine_stats *stats = engine_stats(world->engine);
	int64_t began_us;

	hold_lane();
	create_batch("first", "LAMP", 10);
	world_run(world);
	began_us = stats->oldest_us;
	world_advance_ms(world, 20);
	create_batch("second", "LAMP", 10);
	world_run(world);
	ck_assert_int_eq(stats->oldest_us, began_us);
	step_lane(); /* the load */
	step_lane(); /* the flush */
	ck_assert_int_eq(stats->oldest_us, began_us + 20000);
	release_lane();
	world_settle(world);

	ck_assert_int_eq(stats->oldest_us, 0);
	ck_assert_int_ge(stats->committed_us, began_us + 20000);
	ck_assert_int_eq(stats->received_us, began_us + 20000);
}
END_TEST

START_TEST(an_event_that_is_published_is_timed)
{
	const struct engine_stats *stats = engine_stats(world->engine);

	create_batch("shelf", "LAMP", 10);
	world_settle(world);
	ck_assert_int_eq(stats->published_us, 0);
	world_advance_ms(world, 20);
	allocate("order", "LAMP", 1);
	world_settle(world);

	ck_assert_int_gt(stats->published_us, 0);
	ck_assert_uint_eq(histogram_up_to(&stats->by_unit.stages[STAGE_PUBLISH], histogram_durations.count),
			  1);
}
END_TEST

START_TEST(the_age_of_the_outbox_is_that_of_its_oldest_unpublished_row)
{
	const struct engine_stats *stats = engine_stats(world->engine);
	int64_t first_us;

	create_batch("shelf", "LAMP", 10);
	world_settle(world);
	ck_assert_int_eq(stats->unpublished_since_us, 0);
	world_cut_broker(world);
	allocate("order-1", "LAMP", 1);
	world_run(world);
	first_us = stats->committed_us;
	world_advance_ms(world, 3000);
	allocate("order-2", "LAMP", 1);
	world_advance_ms(world, 3000);
	ck_assert_int_eq(stats->unpublished_since_us, first_us);
	world_wake(world);
	world_settle(world);

	ck_assert_int_eq(stats->unpublished_since_us, 0);
}
END_TEST

SUITE("engine statistics", set_up_world, tear_down_world)
{
	tcase_add_test(tests, messages_that_share_a_unit_are_measured_from_their_own_receipt);
	tcase_add_test(tests, the_oldest_message_is_known_until_it_is_finished);
	tcase_add_test(tests, an_event_that_is_published_is_timed);
	tcase_add_test(tests, the_age_of_the_outbox_is_that_of_its_oldest_unpublished_row);
}
