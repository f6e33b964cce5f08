/* What connections share about their server: which of them are ended, when, and what is logged. */
#include "adapters/redis/server/redis_server.h"

#include "support/suites.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS 3

struct connection {
	struct server_member member;
	size_t ends, retries;
};

static struct event_base *base;
static struct redis_server *server;
static struct connection connections[MEMBERS];
static char log_text[4096];

static void write_line(struct logger *logger, enum log_level level, const char *message,
		       const struct log_field *fields, size_t count)
{
	size_t size = strlen(log_text);

	(void)logger, (void)fields, (void)count;
	snprintf(log_text + size, sizeof log_text - size, "%d %s\n", (int)level, message);
}

static struct logger logger = {.level = LOG_INFO, .write = write_line};

static void on_end(void *context, const char *cause)
{
	struct connection *connection = context;

	connection->ends++;
	redis_server_missed(server, &connection->member, "lost Redis", "place", cause);
}

static void on_retry(void *context)
{
	struct connection *connection = context;

	connection->retries++;
}

static void reach(size_t index, const char *run_id)
{
	struct server_member *member = &connections[index].member;

	snprintf(member->run_id, sizeof member->run_id, "%s", run_id);
	redis_server_reached(server, member, "place", "7.0.15");
}

static void setup(void)
{
	log_text[0] = '\0';
	base = event_base_new();
	server = redis_server_new(base, &logger, SERVER_PATIENCE_MS);
	for (size_t i = 0; i < MEMBERS; i++) {
		connections[i] = (struct connection){
			.member = {.name = "connection", .end = on_end, .retry = on_retry}};
		connections[i].member.context = &connections[i];
		redis_server_join(server, &connections[i].member);
	}
	for (size_t i = 0; i < MEMBERS; i++)
		reach(i, "run-1");
	log_text[0] = '\0';
	for (size_t i = 0; i < MEMBERS; i++)
		connections[i].retries = 0;
}

static void teardown(void)
{
	for (size_t i = 0; i < MEMBERS; i++)
		redis_server_leave(server, &connections[i].member);
	redis_server_free(&server);
	event_base_free(base);
}

static bool refused(size_t index, enum redis_error_kind kind, int64_t now_ms)
{
	return redis_server_refused(server, &connections[index].member, kind, "a cause", now_ms);
}

static size_t ends(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
	return connections[0].ends + connections[1].ends + connections[2].ends;
}

static size_t lines(const char *text)
{
	size_t count = 0;

	for (const char *at = log_text; (at = strstr(at, text)); at++)
		count++;
	return count;
}

START_TEST(all_connections_leave_the_wrong_server_from_the_event_loop)
{
	ck_assert(refused(1, REDIS_ERROR_WRONG_SERVER, 1));
	ck_assert_uint_eq(connections[0].ends + connections[2].ends, 0);

	ck_assert_uint_eq(ends(), 2);
	ck_assert_uint_eq(connections[1].ends, 0); /* the connection ends by itself */
}
END_TEST

START_TEST(a_waiting_connection_retries_as_soon_as_another_is_up)
{
	redis_server_missed(server, &connections[0].member, "cannot reach Redis", "place", "refused");
	redis_server_missed(server, &connections[2].member, "cannot reach Redis", "place", "refused");

	reach(2, "run-1");

	ck_assert_uint_eq(connections[0].retries, 1);
	ck_assert_uint_eq(connections[1].retries, 0); /* the connection is up */
	ck_assert_uint_eq(connections[2].retries, 0);
}
END_TEST

START_TEST(a_connection_that_is_not_up_is_not_ended)
{
	redis_server_missed(server, &connections[0].member, "cannot reach Redis", "place", "refused");

	ck_assert(refused(1, REDIS_ERROR_WRONG_SERVER, 1));

	ck_assert_uint_eq(ends(), 1);
	ck_assert_uint_eq(connections[0].ends, 0);
}
END_TEST

static const enum redis_error_kind harmless[] = {REDIS_ERROR_OF_COMMAND, REDIS_ERROR_RIGHTS,
						 REDIS_ERROR_SLOTS};

START_TEST(an_error_of_a_command_ends_no_connection)
{
	for (int64_t now_ms = 1; now_ms < 100000; now_ms += 1000)
		ck_assert(!refused(0, harmless[_i], now_ms));

	ck_assert_uint_eq(ends(), 0);
}
END_TEST

START_TEST(a_refused_login_ends_one_connection)
{
	ck_assert(refused(0, REDIS_ERROR_LOGIN, 1));

	ck_assert_uint_eq(ends(), 0);
}
END_TEST

/* The replies arrive on any of the connections. */
START_TEST(an_error_that_may_pass_ends_the_refused_connection_after_a_time)
{
	int64_t now_ms = 5000;

	for (; now_ms < 5000 + SERVER_PATIENCE_MS; now_ms += 1000)
		ck_assert(!refused((size_t)(now_ms / 1000 % MEMBERS), REDIS_ERROR_NOT_NOW, now_ms));
	ck_assert(refused(0, REDIS_ERROR_NOT_NOW, now_ms));
	ck_assert_uint_eq(ends(), 0);

	/* From now on the server's refusals are tolerated for twice that time. */
	for (int64_t end_ms = now_ms + 2 * SERVER_PATIENCE_MS; now_ms < end_ms; now_ms += 1000)
		ck_assert(!refused(0, REDIS_ERROR_NOT_NOW, now_ms));
	ck_assert(refused(0, REDIS_ERROR_NOT_NOW, now_ms));
}
END_TEST

START_TEST(an_error_that_passed_and_returns_is_tolerated_again)
{
	int64_t now_ms = 5000;

	for (int i = 0; i < 20; i++, now_ms += SERVER_TROUBLE_GAP_MS + 1)
		ck_assert(!refused(0, REDIS_ERROR_NOT_NOW, now_ms));
}
END_TEST

START_TEST(without_a_run_id_an_error_that_lasts_ends_all_connections)
{
	connections[0].member.run_id[0] = '\0';
	refused(0, REDIS_ERROR_NOT_NOW, 1);
	refused(0, REDIS_ERROR_NOT_NOW, 5000);

	ck_assert(refused(0, REDIS_ERROR_NOT_NOW, SERVER_PATIENCE_MS + 1));

	ck_assert_uint_eq(ends(), 2);
}
END_TEST

START_TEST(all_connections_follow_one_that_reached_another_server)
{
	reach(2, "run-2");

	ck_assert_uint_eq(ends(), 2);
	ck_assert_uint_eq(connections[2].ends, 0);
	reach(0, "run-2");
	reach(1, "run-2");
	ck_assert_uint_eq(ends(), 2);
}
END_TEST

START_TEST(connections_without_a_run_id_are_not_compared)
{
	reach(2, "");
	reach(1, "run-1");

	ck_assert_uint_eq(ends(), 0);
}
END_TEST

/* A proxy may send each connection to another server: they keep working, and the heartbeat decides. */
START_TEST(a_balancer_is_logged_once_and_tolerated)
{
	for (int i = 0; i < 10; i++) {
		reach((size_t)i % MEMBERS, i % 2 ? "run-2" : "run-1");
		event_base_loop(base, EVLOOP_NONBLOCK);
	}

	ck_assert_uint_le(ends(), 2);
	ck_assert_uint_eq(lines("several Redis servers"), 1);
}
END_TEST

START_TEST(a_trouble_of_all_connections_is_logged_once_and_so_is_its_end)
{
	refused(1, REDIS_ERROR_WRONG_SERVER, 1);
	on_end(&connections[1], "a cause");
	ck_assert_uint_eq(ends(), 3);
	for (int attempts = 0; attempts < 5; attempts++) {
		for (size_t i = 0; i < MEMBERS; i++)
			redis_server_missed(server, &connections[i].member, "cannot reach Redis", "place",
					    attempts % 2 ? "refused" : "a replica");
	}
	ck_assert_str_eq(log_text, "2 lost Redis\n2 cannot reach Redis\n2 cannot reach Redis\n");

	for (size_t i = 0; i < MEMBERS; i++)
		reach(i, "run-2");

	ck_assert_uint_eq(lines("connected to Redis"), 0);
	ck_assert_uint_eq(lines("every connection to Redis is up again"), 1);
	redis_server_missed(server, &connections[0].member, "lost Redis", "place", "a cause");
	ck_assert_uint_eq(lines("lost Redis"), 2);
}
END_TEST

START_TEST(a_defect_of_the_configuration_is_kept)
{
	ck_assert_ptr_null(redis_server_defect(server));
	redis_server_set_defect(server, "ALLOCD_PREFIX");

	ck_assert_str_eq(redis_server_defect(server), "ALLOCD_PREFIX");
}
END_TEST

SUITE("redis server", setup, teardown)
{
	tcase_add_test(tests, all_connections_leave_the_wrong_server_from_the_event_loop);
	tcase_add_test(tests, a_connection_that_is_not_up_is_not_ended);
	tcase_add_test(tests, a_waiting_connection_retries_as_soon_as_another_is_up);
	tcase_add_loop_test(tests, an_error_of_a_command_ends_no_connection, 0, COUNT(harmless));
	tcase_add_test(tests, a_refused_login_ends_one_connection);
	tcase_add_test(tests, an_error_that_may_pass_ends_the_refused_connection_after_a_time);
	tcase_add_test(tests, an_error_that_passed_and_returns_is_tolerated_again);
	tcase_add_test(tests, without_a_run_id_an_error_that_lasts_ends_all_connections);
	tcase_add_test(tests, all_connections_follow_one_that_reached_another_server);
	tcase_add_test(tests, connections_without_a_run_id_are_not_compared);
	tcase_add_test(tests, a_balancer_is_logged_once_and_tolerated);
	tcase_add_test(tests, a_trouble_of_all_connections_is_logged_once_and_so_is_its_end);
	tcase_add_test(tests, a_defect_of_the_configuration_is_kept);
}
