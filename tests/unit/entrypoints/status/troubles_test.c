/* Each trouble begins with what a part of the worker reports, and ends when the part does not any more. */
#include "adapters/memory/ports/logger.h"
#include "entrypoints/status/observation.h"
#include "entrypoints/troubles/cause.h"
#include "entrypoints/troubles/trouble_log.h"
#include "support/suites.h"

#include <string.h>

#define NOW_US INT64_C(1790000000000000)

static struct trouble_list list;
static struct rises rises;

static void set_up(void)
{
	list = (struct trouble_list){0};
	rises = (struct rises){0};
}

/* What a healthy worker reports. */
static struct observation healthy(void)
{
	struct observation it = {.redis = "127.0.0.1:6379", .dead_letters_max = 100};

	it.units.text = it.reads.text = it.parked.text = "";
	it.subscription.text = it.publisher.text = it.heartbeat.text = it.events.text = "";
	return it;
}

static void judge_at(const struct observation *observation, int64_t now_us)
{
	trouble_list_begin(&list);
	status_judge(observation, &rises, now_us, &list);
	trouble_list_end(&list);
}

static int count_open(void)
{
	int count = 0;

	for (int code = 0; code < TROUBLE_CODES; code++)
		count += list.by_code[code].is_open;
	return count;
}

static struct report bad(const char *text)
{
	return (struct report){true, text, 7000};
}

/* What is reported; the members that a row leaves out are those of a healthy worker. */
static const struct {
	enum trouble_code code;
	const char *units, *reads, *parked, *subscription, *publisher, *heartbeat, *events, *behind;
	const char *streams[STREAM_TROUBLES];
	bool is_lease_lost, is_restored, is_damaged, is_absent, is_full, pauses_pubsub, is_out_of_memory,
		is_mail_down;
	int64_t skew_us, breaches, view_breaches, dead_letters, rise_of_dead_letters, rise_of_lost,
		rise_of_unheard;
	const char *words; /* in the text */
} rows[] = {
	{TROUBLE_DATABASE_UNREACHABLE, .units = "connection to server failed", .words = "connection to"},
	{TROUBLE_DATABASE_UNREACHABLE, .reads = "", .words = "the database does not answer"},
	{TROUBLE_DATABASE_AUTH, .units = "invalid password (SQLSTATE 28P01)", .words = "28P01"},
	{TROUBLE_DATABASE_NOPERM, .units = "permission denied (SQLSTATE 42501)", .words = "42501"},
	{TROUBLE_DATABASE_READONLY, .units = "read-only transaction (SQLSTATE 25006)", .words = "25006"},
	{TROUBLE_DATABASE_FULL, .units = "could not extend file (SQLSTATE 53100)", .words = "53100"},
	{TROUBLE_DATABASE_TOO_MANY, .units = "FATAL: sorry, too many clients already", .words = "clients"},
	{TROUBLE_DATABASE_LOCKED, .units = "canceling statement (SQLSTATE 57014)", .words = "57014"},
	{TROUBLE_DATABASE_LOCKED, .units = "", .words = "statements get no answer"},
	{TROUBLE_DATABASE_RESTORED, .is_restored = true, .words = "older than what was published"},
	{TROUBLE_STALLED, .units = "it cannot be done (SQLSTATE 55000)", .words = "55000"},
	{TROUBLE_STALLED, .units = "an error that no code names", .words = "no code names"},
	{TROUBLE_STALLED, .units = "the broker does not answer which events it has published",
	 .words = "nothing is committed: the broker does not answer"},
	{TROUBLE_REDIS_UNREACHABLE, .subscription = "Connection refused", .words = "127.0.0.1:6379"},
	{TROUBLE_REDIS_UNREACHABLE, .publisher = "Connection reset", .words = "cannot publish"},
	{TROUBLE_REDIS_AUTH, .subscription = "WRONGPASS invalid username-password pair",
	 .words = "WRONGPASS"},
	{TROUBLE_REDIS_NOPERM, .events = "NOPERM this user has no permissions", .words = "NOPERM"},
	{TROUBLE_REDIS_NOPERM, .events = "ERR ACL failure in script: User default", .words = "ACL failure"},
	{TROUBLE_REDIS_NOPERM, .heartbeat = "NOPERM this user", .words = "do not arrive"},
	{TROUBLE_REDIS_READONLY, .events = "NOREPLICAS Not enough good replicas", .words = "NOREPLICAS"},
	{TROUBLE_REDIS_LOADING, .subscription = "LOADING Redis is loading", .words = "LOADING"},
	{TROUBLE_SUBSCRIPTION_STALLED, .heartbeat = "", .words = "do not arrive on the subscription"},
	{TROUBLE_LEASE_LOST, .streams[STREAM_UNREAD] = "stream s is not read", .is_lease_lost = true,
	 .words = "none that is alive has it"},
	{TROUBLE_STREAM_UNREAD, .streams[STREAM_UNREAD] = "stream s is not read: WRONGTYPE",
	 .words = "WRONGTYPE"},
	{TROUBLE_STREAM_TYPE_UNKNOWN, .streams[STREAM_WAITS_FOR_NEWER] = "stream s waits", .words = "waits"},
	{TROUBLE_ACK_REFUSED, .streams[STREAM_REFUSES_ACKS] = "stream s takes no", .words = "takes no"},
	{TROUBLE_FORWARDING_REFUSED, .streams[STREAM_CANNOT_FORWARD] = "stream s has", .words = "has"},
	{TROUBLE_EVENTS_REFUSED, .events = "WRONGTYPE Operation against a key", .words = "refuses events"},
	{TROUBLE_OUTBOX_BEHIND, .events = "", .words = "none was published"},
	{TROUBLE_OUTBOX_DAMAGED, .is_damaged = true, .words = "partition 6, position 2 is damaged"},
	{TROUBLE_OUTBOX_DAMAGED, .is_damaged = true, .is_absent = true, .words = "position 2 is missing"},
	{TROUBLE_REDIS_OOM, .is_out_of_memory = true, .words = "out of memory"},
	{TROUBLE_STREAM_LOST, .rise_of_lost = 3, .words = "3 entries were"},
	{TROUBLE_STREAM_LOST, .rise_of_lost = 1, .words = "the last of stream orders"},
	{TROUBLE_STREAM_BEHIND, .behind = "entries have waited for 7 s", .words = "for 7 s"},
	{TROUBLE_SKU_PARKED, .parked = "lock timeout (SQLSTATE 55P03)", .words = "55P03"},
	{TROUBLE_PUBSUB_PAUSED, .pauses_pubsub = true, .words = "pub/sub is not read"},
	{TROUBLE_DEAD_LETTERS_FULL, .dead_letters = 100, .words = "100 dead letters"},
	{TROUBLE_MAIL_UNREACHABLE, .is_mail_down = true, .words = "mail server"},
	{TROUBLE_VERIFY_FAILED, .breaches = 3, .words = "3 places"},
	{TROUBLE_VIEW_STALE, .breaches = 4, .view_breaches = 4, .words = "4 lines"},
	{TROUBLE_QUEUE_FULL, .is_full = true, .words = "queue is full"},
	{TROUBLE_DEAD_LETTERS_NEW, .rise_of_dead_letters = 5, .words = "5 dead letters in the last hour"},
	{TROUBLE_DEAD_LETTERS_NEW, .rise_of_dead_letters = 1, .words = "1 dead letter in the last hour"},
	{TROUBLE_NOBODY_LISTENS, .rise_of_unheard = 9, .words = "9 events"},
	{TROUBLE_CLOCK_SKEW, .skew_us = 2000000, .words = "2.0 s ahead of"},
	{TROUBLE_CLOCK_SKEW, .skew_us = -90500000, .words = "90.5 s behind"},
};

#define ROWS (sizeof rows / sizeof rows[0])

static void report(struct report *place, const char *text)
{
	if (text)
		*place = bad(text);
}

static struct observation observation_of(size_t row)
{
	struct observation it = healthy();

	report(&it.units, rows[row].units);
	report(&it.reads, rows[row].reads);
	report(&it.parked, rows[row].parked);
	report(&it.subscription, rows[row].subscription);
	report(&it.publisher, rows[row].publisher);
	report(&it.heartbeat, rows[row].heartbeat);
	report(&it.events, rows[row].events);
	report(&it.behind, rows[row].behind);
	for (int i = 0; i < STREAM_TROUBLES; i++)
		report(&it.streams[i], rows[row].streams[i]);
	it.is_lease_lost = rows[row].is_lease_lost;
	it.is_restored = rows[row].is_restored;
	it.damaged = rows[row].is_damaged;
	it.damaged_partition = 6;
	it.damaged_position = 2;
	it.damaged_is_absent = rows[row].is_absent;
	it.doing.queue_is_full = rows[row].is_full;
	it.pauses_pubsub = rows[row].pauses_pubsub;
	it.is_out_of_memory = rows[row].is_out_of_memory;
	it.is_mail_down = rows[row].is_mail_down;
	it.skew_us = rows[row].skew_us;
	it.breaches = rows[row].breaches;
	it.view_breaches = rows[row].view_breaches;
	it.dead_letters.kept = rows[row].dead_letters;
	rises = (struct rises){.dead_letters = rows[row].rise_of_dead_letters,
			       .lost = rows[row].rise_of_lost,
			       .lost_by = "orders",
			       .unheard = rows[row].rise_of_unheard};
	return it;
}

START_TEST(a_trouble_begins_and_ends_with_what_is_reported)
{
	size_t row = (size_t)_i;
	struct observation ill = observation_of(row), well = healthy();
	const struct trouble *trouble = &list.by_code[rows[row].code];

	judge_at(&ill, NOW_US);

	ck_assert_msg(trouble->is_open, "row %zu", row);
	ck_assert_int_eq(count_open(), 1);
	ck_assert_msg(strstr(trouble->text, rows[row].words) != NULL, "%s", trouble->text);
	ck_assert_ptr_nonnull(trouble->advice);

	rises = (struct rises){0};
	judge_at(&well, NOW_US);
	ck_assert_int_eq(count_open(), 0);
}
END_TEST

START_TEST(every_code_has_a_row_above_and_words_of_its_own)
{
	for (int code = 0; code < TROUBLE_CODES; code++) {
		size_t row = 0;

		while (row < ROWS && rows[row].code != (enum trouble_code)code)
			row++;
		ck_assert_msg(row < ROWS, "no row of %s", trouble_kinds[code].code);
		ck_assert(trouble_kinds[code].effect[0] && trouble_kinds[code].advice[0]);
		for (int other = 0; other < code; other++)
			ck_assert_str_ne(trouble_kinds[code].code, trouble_kinds[other].code);
	}
}
END_TEST

START_TEST(a_trouble_keeps_the_instant_at_which_it_began)
{
	struct observation ill = healthy();

	ill.units = bad("connection lost");
	judge_at(&ill, NOW_US);
	ck_assert_int_eq(list.by_code[TROUBLE_DATABASE_UNREACHABLE].since_us, NOW_US - 7000000);

	ill.units.for_ms = 100; /* another lane failed since */
	judge_at(&ill, NOW_US + 1000000);
	ck_assert_int_eq(list.by_code[TROUBLE_DATABASE_UNREACHABLE].since_us, NOW_US - 7000000);
}
END_TEST

/* What follows from an unreachable service is not a trouble of its own. */
START_TEST(streams_are_not_blamed_for_what_a_service_explains)
{
	struct observation ill = healthy();

	ill.streams[STREAM_UNREAD] = bad("stream s is not read");
	ill.units = bad("connection lost");
	judge_at(&ill, NOW_US);
	ck_assert(!list.by_code[TROUBLE_STREAM_UNREAD].is_open);

	ill.units.is_bad = false;
	ill.subscription = bad("Connection refused");
	judge_at(&ill, NOW_US);
	ck_assert(!list.by_code[TROUBLE_STREAM_UNREAD].is_open);
	ck_assert_int_eq(count_open(), 1);

	ill.subscription.is_bad = false;
	ill.events = bad("NOREPLICAS Not enough good replicas to write.");
	ill.streams[STREAM_UNREAD] = bad("stream s is not read: NOREPLICAS Not enough good replicas");
	judge_at(&ill, NOW_US);
	ck_assert(list.by_code[TROUBLE_REDIS_READONLY].is_open);
	ck_assert_ptr_nonnull(strstr(list.by_code[TROUBLE_REDIS_READONLY].text, "refuses events"));
	ck_assert_ptr_nonnull(strstr(list.by_code[TROUBLE_REDIS_READONLY].advice, "min-replicas-to-write"));
	ck_assert_int_eq(count_open(), 1);
}
END_TEST

/* While nothing can be published, Redis has refused no event. */
START_TEST(events_that_wait_for_a_connection_are_not_refused)
{
	struct observation ill = healthy();

	ill.publisher = bad("no answer to the handshake");
	ill.events = bad("no answer to the handshake");
	ill.outputs.unpublished = 1;
	judge_at(&ill, NOW_US);
	ck_assert_int_eq(count_open(), 1);
	ck_assert_str_eq(
		list.by_code[TROUBLE_REDIS_UNREACHABLE].text,
		"cannot publish on Redis at 127.0.0.1:6379: no answer to the handshake (1 event waits "
		"in the database)");
}
END_TEST

START_TEST(new_dead_letters_name_their_most_frequent_cause)
{
	static struct message_statistics statistics;
	static struct causes causes;
	struct observation it = healthy();

	causes_count(&causes, &statistics, 60000);
	statistics.dead_letters[MSG_ALLOCATE][REASON_INVALID_SKU] = 60;
	statistics.dead_letters[MSG_NONE][REASON_UNKNOWN_TYPE] = 59;
	causes_count(&causes, &statistics, 61000);
	rises.dead_letters = 120;
	rises.cause = causes_most_frequent(&causes);
	it.dead_letters.kept = 130;
	judge_at(&it, NOW_US);
	ck_assert_str_eq(
		list.by_code[TROUBLE_DEAD_LETTERS_NEW].text,
		"120 dead letters in the last hour, 130 kept in all; the most frequent here: allocate, "
		"invalid_sku (60)");
}
END_TEST

START_TEST(an_error_of_the_database_may_call_for_advice_of_its_own)
{
	struct observation ill = healthy();

	ill.units = bad("out of memory (SQLSTATE 53200)");
	judge_at(&ill, NOW_US);
	ck_assert_str_eq(list.by_code[TROUBLE_STALLED].advice, "give the database server more memory");

	list = (struct trouble_list){0};
	ill.units = bad("the broker does not answer which events it has published");
	judge_at(&ill, NOW_US);
	ck_assert_ptr_nonnull(strstr(list.by_code[TROUBLE_STALLED].advice, "let Redis take events"));
}
END_TEST

/* ---- the log ---- */

static struct memory_logger logger;
static struct trouble_log log_of_troubles;

static void set_up_log(void)
{
	set_up();
	memory_logger_init(&logger);
	log_of_troubles = (struct trouble_log){0};
}

static void tear_down_log(void)
{
	memory_logger_release(&logger);
}

/* One sample, `ms` after the first. */
static void pass(const struct observation *observation, int64_t ms)
{
	judge_at(observation, NOW_US + 1000 * ms);
	trouble_log_update(&log_of_troubles, &list, &logger.logger, 5000 + ms, NOW_US + 1000 * ms);
}

START_TEST(the_log_has_one_line_for_the_beginning_and_one_for_the_end)
{
	struct observation ill = healthy(), well = healthy();

	ill.units = (struct report){true, "connection lost", 0};
	for (int64_t ms = 0; ms <= 5000; ms += 1000, ill.units.for_ms += 1000)
		pass(&ill, ms);
	ck_assert_uint_eq(logger.count, 1);
	ck_assert_uint_eq(memory_logger_count(&logger, "warn a trouble has begun code=database-unreachable"),
			  1);

	pass(&well, 5500);
	ck_assert_uint_eq(logger.count, 1);
	pass(&well, 6500);
	pass(&well, 7500);
	ck_assert_uint_eq(logger.count, 2);
	ck_assert_uint_eq(memory_logger_count(
				  &logger, "info a trouble is over code=database-unreachable after_ms=5000"),
			  1);
}
END_TEST

START_TEST(a_trouble_of_a_moment_is_not_logged)
{
	struct observation ill = healthy(), well = healthy();

	ill.units = (struct report){true, "connection lost", 0};
	pass(&ill, 0);
	pass(&well, 900);
	pass(&well, 3000);
	ck_assert_uint_eq(logger.count, 0);
}
END_TEST

START_TEST(a_queue_that_is_full_again_and_again_is_logged_once)
{
	struct observation full = healthy(), well = healthy();

	full.doing.queue_is_full = true;
	for (int64_t ms = 0; ms <= 60000; ms += 1000)
		pass(ms % 5000 < 2000 ? &full : &well, ms);
	ck_assert_uint_eq(logger.count, 1);
	ck_assert_uint_eq(memory_logger_count(&logger, "info a trouble has begun code=queue-full"), 1);
}
END_TEST

SUITE("troubles", set_up, NULL)
{
	tcase_add_loop_test(tests, a_trouble_begins_and_ends_with_what_is_reported, 0, (int)ROWS);
	tcase_add_test(tests, every_code_has_a_row_above_and_words_of_its_own);
	tcase_add_test(tests, a_trouble_keeps_the_instant_at_which_it_began);
	tcase_add_test(tests, streams_are_not_blamed_for_what_a_service_explains);
	tcase_add_test(tests, events_that_wait_for_a_connection_are_not_refused);
	tcase_add_test(tests, new_dead_letters_name_their_most_frequent_cause);
	tcase_add_test(tests, an_error_of_the_database_may_call_for_advice_of_its_own);
}

SUITE("log of troubles", set_up_log, tear_down_log)
{
	tcase_add_test(tests, the_log_has_one_line_for_the_beginning_and_one_for_the_end);
	tcase_add_test(tests, a_trouble_of_a_moment_is_not_logged);
	tcase_add_test(tests, a_queue_that_is_full_again_and_again_is_logged_once);
}
