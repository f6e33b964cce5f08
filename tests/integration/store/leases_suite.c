/* Leases and beats are kept, and no unit of work is committed under an earlier term of its lease. */
#include "bus/leases/lease.h"
#include "integration/store/store_steps.h"
#include "support/suites.h"

#include <string.h>

#define ONE   "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"
#define TERM  "33333333-3333-4333-8333-333333333333"
#define LATER "44444444-4444-4444-8444-444444444444"

static struct lease_store *leases;
static struct arena *arena;
static struct lease_roll roll;
static struct lease lease = {.name = "stream", .users = 1};

static void set_up(void)
{
	store_set_up();
	leases = fixture->make_leases(fixture);
	arena = arena_new(4096);
	lease.is_lost = false;
	strcpy(lease.term, TERM);
}

static void tear_down(void)
{
	arena_free(&arena);
	store_tear_down();
}

/* ---- calls ---- */

static void wait(void)
{
	ck_assert_msg(!work->answered, "answered before the call returned");
	ck_assert_msg(work_wait(work) == NO_FAILURE, "%s", work->failure);
}

static void beat(const char *id, const char *const *candidacies, size_t count)
{
	static const char *const messages[] = {"allocate", "new_command"};
	struct worker_row worker = {id, "host:1", 0, 2500, candidacies, count, messages, COUNT(messages)};

	work_begin_call(work);
	leases->ops->beat(leases, &worker, &roll, arena, work_answered, work);
	wait();
}

static void beat_for_stream(const char *id)
{
	beat(id, (const char *const[]){"stream"}, 1);
}

static bool change(const char *from, const char *term, const char *holder, const char *note)
{
	bool changed = false;

	work_begin_call(work);
	leases->ops->change(
		leases,
		&(struct lease_change){.name = "stream", .from = from, .to = {"stream", term, holder, note}},
		&changed, work_answered, work);
	wait();
	return changed;
}

static bool take_as_of(const char *streams, const char *from, const char *term)
{
	bool changed = false;

	work_begin_call(work);
	leases->ops->change(leases,
			    &(struct lease_change){.name = "stream",
						   .from = from,
						   .streams = streams,
						   .to = {"stream", term, ONE, "note"}},
			    &changed, work_answered, work);
	wait();
	return changed;
}

/* The lease exists, with the term TERM. */
static void take_first(void)
{
	beat_for_stream(ONE);
	ck_assert(change(roll.leases[0].term, TERM, ONE, "note"));
}

static struct delivery *allocate_under_lease(const char *orderid)
{
	struct arrival arrival = {
		.transport = TRANSPORT_STREAM, .origin = "stream", .entry_id = orderid, .lease = &lease};
	struct envelope envelope = {.source = "", .occurred_at = NO_INSTANT};

	message_init(&envelope.message, MSG_ALLOCATE);
	envelope.message.as.allocate.orderid = orderid;
	envelope.message.as.allocate.sku = "lamp";
	envelope.message.as.allocate.qty = 1;
	return work_arrival(work, &envelope, arrival);
}

/* ---- the roll ---- */

START_TEST(the_first_candidate_adds_a_lease_without_a_holder)
{
	beat(ONE, (const char *const[]){"stream", "a stream, with \"'%\\"}, 2);

	ck_assert_uint_eq(roll.lease_count, 2);
	ck_assert_str_eq(roll.leases[0].name, "a stream, with \"'%\\");
	ck_assert_str_eq(roll.leases[1].name, "stream");
	ck_assert_str_eq(roll.leases[1].holder, "");
	ck_assert_str_eq(roll.leases[1].note, "");
	ck_assert_uint_eq(strlen(roll.leases[1].term), LEASE_UUID_SIZE - 1);
}
END_TEST

START_TEST(a_worker_beats_and_names_its_candidacies)
{
	beat_for_stream(OTHER);
	beat_for_stream(ONE);
	beat(ONE, (const char *const[]){"stream", "other"}, 2);

	ck_assert_uint_eq(roll.worker_count, 2);
	ck_assert_str_eq(roll.workers[0].id, ONE);
	ck_assert_str_eq(roll.workers[0].name, "host:1");
	ck_assert_int_eq(roll.workers[0].beats, 2);
	ck_assert_int_eq(roll.workers[0].ttl_ms, 2500);
	ck_assert_uint_eq(roll.workers[0].candidacy_count, 2);
	ck_assert_str_eq(roll.workers[0].candidacies[0], "stream");
	ck_assert_str_eq(roll.workers[0].candidacies[1], "other");
	ck_assert_uint_eq(roll.workers[0].message_count, 2);
	ck_assert_str_eq(roll.workers[0].messages[0], "allocate");
	ck_assert_str_eq(roll.workers[0].messages[1], "new_command");
	ck_assert_str_eq(roll.workers[1].id, OTHER);
	ck_assert_int_eq(roll.workers[1].beats, 1);
}
END_TEST

START_TEST(a_worker_without_candidacies_beats_too)
{
	beat(ONE, NULL, 0);
	beat(ONE, NULL, 0);

	ck_assert_int_eq(roll.workers[0].beats, 2);
	ck_assert_uint_eq(roll.workers[0].candidacy_count, 0);
	ck_assert_uint_eq(roll.lease_count, 0);
}
END_TEST

START_TEST(the_roll_has_what_the_database_says_about_the_streams)
{
	beat_for_stream(ONE);
	ck_assert_str_eq(roll.streams, "");
	fixture->set_streams(fixture, "s[0-1] -> s[0-3]");
	beat_for_stream(ONE);

	ck_assert_str_eq(roll.streams, "s[0-1] -> s[0-3]");
}
END_TEST

START_TEST(a_take_as_of_something_else_about_the_streams_fails)
{
	take_first();
	ck_assert(take_as_of("", TERM, OTHER));
	fixture->set_streams(fixture, "s[0-1]");
	ck_assert(!take_as_of("", OTHER, LATER));
	ck_assert(!take_as_of("s[0-3]", OTHER, LATER));
	ck_assert(take_as_of("s[0-1]", OTHER, LATER));
	ck_assert(take_as_of(NULL, LATER, TERM));
}
END_TEST

START_TEST(a_beat_changes_no_lease)
{
	take_first();
	beat_for_stream(OTHER);

	ck_assert_str_eq(roll.leases[0].term, TERM);
	ck_assert_str_eq(roll.leases[0].holder, ONE);
	ck_assert_str_eq(roll.leases[0].note, "note");
}
END_TEST

START_TEST(a_worker_that_leaves_is_not_in_the_roll)
{
	beat_for_stream(OTHER);
	work_begin_call(work);
	leases->ops->leave(leases, OTHER, work_answered, work);
	wait();
	beat_for_stream(ONE);

	ck_assert_uint_eq(roll.worker_count, 1);
	ck_assert_str_eq(roll.workers[0].id, ONE);
}
END_TEST

/* ---- changes ---- */

START_TEST(only_the_first_of_two_candidates_takes_a_lease)
{
	take_first();

	ck_assert(change(TERM, LATER, OTHER, "its note"));
	ck_assert(!change(TERM, ONE, ONE, "too late"));
	beat_for_stream(ONE);
	ck_assert_str_eq(roll.leases[0].term, LATER);
	ck_assert_str_eq(roll.leases[0].holder, OTHER);
	ck_assert_str_eq(roll.leases[0].note, "its note");
}
END_TEST

static bool change_if_noted(const char *note)
{
	bool changed = false;

	work_begin_call(work);
	leases->ops->change(leases,
			    &(struct lease_change){.name = "stream",
						   .from = TERM,
						   .from_note = note,
						   .to = {"stream", LATER, OTHER, "its note"}},
			    &changed, work_answered, work);
	wait();
	return changed;
}

START_TEST(a_lease_is_taken_only_with_the_note_that_was_seen)
{
	take_first();

	ck_assert(!change_if_noted("another note"));
	ck_assert(!change_if_noted(""));
	ck_assert(change_if_noted("note"));
}
END_TEST

START_TEST(a_lease_is_given_back)
{
	take_first();
	ck_assert(change(TERM, LATER, "", "its note"));
	beat_for_stream(ONE);

	ck_assert_str_eq(roll.leases[0].holder, "");
	ck_assert_str_eq(roll.leases[0].note, "its note");
}
END_TEST

START_TEST(an_unknown_lease_is_not_changed)
{
	ck_assert(!change(TERM, LATER, ONE, ""));
}
END_TEST

/* ---- units of work ---- */

START_TEST(a_unit_is_committed_under_the_term_of_its_lease)
{
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	take_first();
	allocate_under_lease("order");

	ck_assert_int_eq(work_do(work), NO_FAILURE);
}
END_TEST

START_TEST(a_unit_under_a_lost_lease_writes_nothing)
{
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	take_first();
	allocate_under_lease("order");
	ck_assert(change(TERM, LATER, OTHER, ""));

	ck_assert_int_eq(work_do(work), FAILURE_FENCED);
	ck_assert(!lease.is_lost);
	ck_assert_int_eq(work_find_lost_leases(work), NO_FAILURE);
	ck_assert(lease.is_lost);
	work_restart(work);
	allocate("order", "lamp", 10);
}
END_TEST

START_TEST(a_lease_that_is_not_lost_is_not_found_lost)
{
	static struct lease gone = {.name = "gone", .term = TERM, .users = 1};

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	take_first();
	allocate_under_lease("order");
	work->uow.leases = arena_grow(work->uow.arena, work->uow.leases, 1, sizeof *work->uow.leases);
	work->uow.leases[work->uow.lease_count++] = &gone;

	ck_assert_int_eq(work_do(work), FAILURE_FENCED);
	ck_assert_int_eq(work_find_lost_leases(work), NO_FAILURE);
	ck_assert(gone.is_lost && !lease.is_lost);
}
END_TEST

START_TEST(a_process_does_not_begin_under_a_lost_lease)
{
	struct arrival arrival = {.transport = TRANSPORT_STREAM, .origin = "stream", .lease = &lease};
	struct envelope envelope = {.id = "id", .source = "", .occurred_at = NO_INSTANT};
	struct process_store *processes = store->processes;
	struct process_start start = {0};

	take_first();
	ck_assert(change(TERM, LATER, OTHER, ""));
	message_init(&envelope.message, MSG_ORDER_CANCELLED);
	envelope.message.as.order_cancelled.orderid = "order";
	start.event = work_arrival(work, &envelope, arrival);
	work_begin_call(work);
	processes->ops->begin(processes, &start, 1, arena, work_answered, work);

	ck_assert_int_eq(work_wait(work), FAILURE_FENCED);
}
END_TEST

SUITE("leases in the store", set_up, tear_down)
{
	tcase_add_test(tests, the_first_candidate_adds_a_lease_without_a_holder);
	tcase_add_test(tests, a_worker_beats_and_names_its_candidacies);
	tcase_add_test(tests, a_worker_without_candidacies_beats_too);
	tcase_add_test(tests, the_roll_has_what_the_database_says_about_the_streams);
	tcase_add_test(tests, a_take_as_of_something_else_about_the_streams_fails);
	tcase_add_test(tests, a_beat_changes_no_lease);
	tcase_add_test(tests, a_worker_that_leaves_is_not_in_the_roll);
	tcase_add_test(tests, only_the_first_of_two_candidates_takes_a_lease);
	tcase_add_test(tests, a_lease_is_taken_only_with_the_note_that_was_seen);
	tcase_add_test(tests, a_lease_is_given_back);
	tcase_add_test(tests, an_unknown_lease_is_not_changed);
	tcase_add_test(tests, a_unit_is_committed_under_the_term_of_its_lease);
	tcase_add_test(tests, a_unit_under_a_lost_lease_writes_nothing);
	tcase_add_test(tests, a_lease_that_is_not_lost_is_not_found_lost);
	tcase_add_test(tests, a_process_does_not_begin_under_a_lost_lease);
}
