/* A blocking client whose connections or answers are late, or do not arrive at all. */
#include "adapters/postgres/ports/dead_letter_archive.h"
#include "adapters/postgres/tools/blocking_client.h"

#include "support/suites.h"
#include "world.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct blocking_client client;

static void set_up(void)
{
	struct url_source url;

	world_set_up();
	url = world_url(database_conninfo());
	ck_assert(blocking_client_connect(&client, &url, CLIENT_READS, 5000));
}

static void tear_down(void)
{
	blocking_client_close(&client);
	world_tear_down();
}

/* A notice makes the server send the results that it has: those of the statements before the last one. */
#define SEND_NOW "do $$ begin raise notice 'send what there is'; end $$;"

static const char *const unfinished[] = {
	"select pg_sleep(20)",
	"select 1; " SEND_NOW " select pg_sleep(20)",
	"create temporary table t (n integer); insert into t values (1); " SEND_NOW
	" select pg_sleep(20); commit",
};

START_TEST(statements_that_miss_the_deadline_fail)
{
	blocking_client_set_deadline(&client, 300);

	ck_assert(!blocking_client_execute(&client, unfinished[_i]));

	ck_assert_str_eq(client.text, "the database did not answer in time");
	ck_assert(blocking_client_may_retry(&client));
}
END_TEST

START_TEST(statements_that_meet_the_deadline_succeed)
{
	blocking_client_set_deadline(&client, 5000);

	ck_assert(blocking_client_execute(&client, "select 1; " SEND_NOW " select pg_sleep(0.05)"));
	ck_assert(blocking_client_execute(&client, "select 1"));
}
END_TEST

static const char *const broken[] = {
	"select 1; select pg_terminate_backend(pg_backend_pid()); select pg_sleep(20)",
	"select 1; " SEND_NOW " select pg_terminate_backend(pg_backend_pid()); select pg_sleep(20)",
};

START_TEST(statements_whose_session_ends_fail)
{
	ck_assert(!blocking_client_execute(&client, broken[_i]));

	ck_assert_ptr_nonnull(strstr(client.text, "terminating connection"));
	ck_assert(blocking_client_may_retry(&client));
}
END_TEST

/* The kernel accepts the connection, and no program reads from it. */
START_TEST(a_connection_that_misses_the_deadline_fails)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	int silent = socket(AF_INET, SOCK_STREAM, 0);
	struct url_source url;
	struct blocking_client late;
	char text[64];

	ck_assert_int_eq(bind(silent, (struct sockaddr *)&at, size), 0);
	ck_assert_int_eq(listen(silent, 5), 0);
	ck_assert_int_eq(getsockname(silent, (struct sockaddr *)&at, &size), 0);
	snprintf(text, sizeof text, "host=127.0.0.1 port=%d", ntohs(at.sin_port));
	url = world_url(text);

	ck_assert(!blocking_client_connect(&late, &url, CLIENT_READS, 300));

	ck_assert_str_eq(late.text, "a server did not answer in time");
	ck_assert(blocking_client_may_retry(&late));
	ck_assert_ptr_null(late.defect);
	blocking_client_close(&late);
	close(silent);
}
END_TEST

static const struct failure *count_letters(struct dead_letters *letters, struct arena *arena)
{
	static const struct dead_letter_filter all = {.older_than_s = -1, .newer_than_s = -1};
	struct dead_letter_kind *kinds;
	size_t count;

	return letters->ops->count(letters, &all, arena, &kinds, &count);
}

/* _i: the session is lost, or the table is locked; after that the database works again. */
START_TEST(dead_letters_are_read_through_a_new_connection_after_a_loss)
{
	struct url_source url = world_url(database_conninfo());
	struct arena *arena = arena_new(1024);
	const char *error = NULL;
	struct dead_letters *letters = postgres_dead_letters_open(&url, 5000, arena, &error);
	const struct failure *failure;

	ck_assert_ptr_nonnull(letters);
	ck_assert_ptr_null(count_letters(letters, arena));
	if (_i)
		database_sql("alter table dead_letters rename to elsewhere");
	else
		database_sql("select count(pg_terminate_backend(pid)) from pg_stat_activity"
			     " where pid <> pg_backend_pid() and datname = current_database()");
	failure = count_letters(letters, arena);
	ck_assert_int_eq(failure ? failure->kind : FAILURE_RETRY, _i ? FAILURE_FATAL : FAILURE_RETRY);
	ck_assert(!failure == !_i);
	if (_i)
		database_sql("alter table elsewhere rename to dead_letters");
	ck_assert_ptr_null(count_letters(letters, arena));
	letters->ops->free(letters);
	arena_free(&arena);
}
END_TEST

/* Otherwise the letter would be discarded when the lock is released, after it was reported as failed. */
START_TEST(a_discard_that_waits_for_a_lock_ends_before_its_answer_is_late)
{
	struct url_source url = world_url(database_conninfo());
	struct arena *arena = arena_new(1024);
	const char *error = NULL;
	struct dead_letters *letters = postgres_dead_letters_open(&url, 3000, arena, &error);
	struct dead_letter letter = {.id = 1};
	const struct failure *failure;
	size_t discarded = 0;

	ck_assert_ptr_nonnull(letters);
	database_sql("insert into dead_letters (id, outcome, reason, way, place, message, source, payload,"
		     " payload_bytes, attempts) overriding system value"
		     " values (1, 'failed', 'x', 'pubsub', 'x', 'x', '', '', 0, 0)");
	ck_assert(blocking_client_execute(&client, "begin; select from dead_letters for update"));

	failure =
		letters->ops->discard(letters, &letter, 1, &(struct dead_letter_deed){"ann", ""}, &discarded);

	ck_assert_ptr_nonnull(failure);
	ck_assert_int_eq(failure->kind, FAILURE_RETRY);
	ck_assert_msg(strstr(failure->text, "statement timeout"), "%s", failure->text);
	ck_assert(blocking_client_execute(&client, "rollback"));
	ck_assert_ptr_null(letters->ops->discard(letters, &letter, 1, &(struct dead_letter_deed){"ann", ""},
						 &discarded));
	ck_assert_uint_eq(discarded, 1); /* the first attempt had no late effect */
	letters->ops->free(letters);
	arena_free(&arena);
}
END_TEST

SUITE("blocking client", set_up, tear_down, .only_if = database_is_direct)
{
	tcase_add_loop_test(tests, statements_that_miss_the_deadline_fail, 0,
			    sizeof unfinished / sizeof unfinished[0]);
	tcase_add_test(tests, statements_that_meet_the_deadline_succeed);
	tcase_add_loop_test(tests, statements_whose_session_ends_fail, 0, sizeof broken / sizeof broken[0]);
	tcase_add_test(tests, a_connection_that_misses_the_deadline_fails);
	tcase_add_loop_test(tests, dead_letters_are_read_through_a_new_connection_after_a_loss, 0, 2);
	tcase_add_test(tests, a_discard_that_waits_for_a_lock_ends_before_its_answer_is_late);
}
