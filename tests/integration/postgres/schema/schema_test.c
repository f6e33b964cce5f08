/*
 * Migrations: each is applied once, by one program at a time, never after it was changed; and the meaning of
 * a newer database.
 */
#include "core/partition.h"
#include "support/suites.h"
#include "tools_sql.h"
#include "world.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char conninfo[2048];
static char text[SCHEMA_TEXT_SIZE];

static void set_up(void)
{
	world_set_up();
	snprintf(conninfo, sizeof conninfo, "%s", database_conninfo_of(database_make_another(""), ""));
	text[0] = '\0';
}

static enum schema_result migrate(void)
{
	struct url_source url = world_url(database_way(conninfo));

	return postgres_migrate(&url, 5000, world_logger(), text);
}

static enum schema_result check(void)
{
	struct url_source url = world_url(database_way(conninfo));

	return postgres_check_schema(&url, 5000, NULL, text);
}

/* Statements on the database of this test. */
static const char *sql(const char *statements)
{
	return database_sql_on(conninfo, statements);
}

static void add_newer_migration(int oldest_program)
{
	char statement[256];

	snprintf(statement, sizeof statement,
		 "insert into migrations (number, name, oldest_program, checksum)"
		 " values (9999, '9999_from_the_future', %d, 'any')",
		 oldest_program);
	sql(statement);
}

START_TEST(migrating_an_empty_database_creates_the_tables)
{
	ck_assert_msg(migrate() == SCHEMA_READY, "%s", text);

	ck_assert_int_eq(check(), SCHEMA_READY);
}
END_TEST

/* The migrations and the rule say generate_series(0, 15), and the program says PARTITIONS. */
START_TEST(the_outbox_of_an_empty_database_has_every_partition_of_the_program)
{
	static const char *const tables[] = {"outbox_heads", "outbox_cursors"};
	char expected[32], query[128];

	snprintf(expected, sizeof expected, "0 %d %d", PARTITIONS - 1, PARTITIONS);
	ck_assert_int_eq(migrate(), SCHEMA_READY);

	for (int i = 0; i < 2; i++) {
		snprintf(query, sizeof query,
			 "select min(partition) || ' ' || max(partition) || ' ' || count(*) from %s",
			 tables[i]);
		ck_assert_str_eq(sql(query), expected);
	}
}
END_TEST

static const struct sql_rule *rule_named(const char *name)
{
	const struct sql_rule *rule = sql_rules;

	while (strcmp(rule->name, name) != 0)
		rule++;
	return rule;
}

START_TEST(verify_misses_every_partition_of_the_program_in_an_empty_outbox)
{
	const char *const max[] = {"1000"};
	PGconn *pg;
	PGresult *rows;

	ck_assert_int_eq(migrate(), SCHEMA_READY);
	sql("delete from outbox_heads; delete from outbox_cursors");
	pg = PQconnectdb(conninfo);

	rows = PQexecParams(pg, rule_named("outbox-partitions")->sql, 1, NULL, max, NULL, NULL, 0);

	ck_assert_int_eq(PQntuples(rows), PARTITIONS);
	PQclear(rows);
	PQfinish(pg);
}
END_TEST

START_TEST(migrating_twice_changes_nothing)
{
	char before[4096];

	ck_assert_int_eq(migrate(), SCHEMA_READY);
	snprintf(before, sizeof before, "%s", sql("select string_agg(m::text, ' ') from migrations m"));

	ck_assert_int_eq(migrate(), SCHEMA_READY);

	ck_assert_str_eq(sql("select string_agg(m::text, ' ') from migrations m"), before);
}
END_TEST

START_TEST(programs_that_migrate_at_once_wait_for_each_other)
{
	pid_t children[4];
	int status;

	for (int i = 0; i < 4; i++) {
		children[i] = fork();
		if (!children[i])
			_exit(migrate() == SCHEMA_READY ? 0 : 1);
	}

	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	ck_assert_str_eq(sql("select count(*) from outbox_heads"), "16");
}
END_TEST

START_TEST(a_program_that_migrates_for_too_long_is_not_waited_for)
{
	struct url_source url = world_url(database_way(conninfo));
	void *holder = database_hold(conninfo, "select pg_advisory_xact_lock(7302157463491)");

	ck_assert_int_eq(postgres_migrate(&url, 500, world_logger(), text), SCHEMA_UNREACHABLE);

	database_let_go(holder);
	ck_assert_int_eq(migrate(), SCHEMA_READY);
}
END_TEST

START_TEST(a_migration_that_was_changed_is_refused)
{
	ck_assert_int_eq(migrate(), SCHEMA_READY);
	sql("update migrations set checksum = 'other' where number = 1");

	ck_assert_int_eq(migrate(), SCHEMA_INCOMPATIBLE);

	ck_assert_ptr_nonnull(strstr(text, "0001_tables"));
	ck_assert_int_eq(check(), SCHEMA_INCOMPATIBLE);
}
END_TEST

START_TEST(a_newer_database_that_works_with_this_program_is_accepted)
{
	ck_assert_int_eq(migrate(), SCHEMA_READY);
	add_newer_migration(1);

	ck_assert_msg(migrate() == SCHEMA_READY, "%s", text);
	ck_assert_str_eq(text, "9999");
	ck_assert_int_eq(check(), SCHEMA_READY);
	ck_assert_str_eq(text, "9999");
}
END_TEST

/* A worker reads no streams, or one list of them. */
START_TEST(a_check_of_the_schema_says_to_whom_the_database_belongs)
{
	struct url_source url = world_url(database_way(conninfo));
	struct installation mine = {.prefix = "mine.", .streams = ""},
			    with_streams = {.prefix = "mine.", .streams = "commands"},
			    other = {.prefix = "other.", .streams = ""};

	ck_assert_int_eq(migrate(), SCHEMA_READY);
	ck_assert_int_eq(postgres_check_schema(&url, 5000, &mine, text), SCHEMA_READY);
	ck_assert(!mine.is_recorded);

	ck_assert_int_eq(postgres_check_installation(&url, 5000, &mine, true, text), SCHEMA_READY);

	ck_assert(mine.is_recorded);
	ck_assert_int_eq(postgres_check_schema(&url, 5000, &mine, text), SCHEMA_READY);
	ck_assert(mine.is_recorded);
	ck_assert_int_eq(postgres_check_schema(&url, 5000, &with_streams, text), SCHEMA_READY);
	ck_assert(!with_streams.is_recorded);
	ck_assert_int_eq(postgres_check_schema(&url, 5000, &other, text), SCHEMA_INCOMPATIBLE);
	ck_assert_ptr_nonnull(strstr(text, "belongs to ALLOCD_PREFIX \"mine.\", not to \"other.\""));
}
END_TEST

START_TEST(a_newer_database_that_needs_a_newer_program_is_refused)
{
	ck_assert_int_eq(migrate(), SCHEMA_READY);
	add_newer_migration(9998);

	ck_assert_int_eq(migrate(), SCHEMA_INCOMPATIBLE);

	ck_assert_ptr_nonnull(strstr(text, "9999"));
	ck_assert_int_eq(check(), SCHEMA_INCOMPATIBLE);
}
END_TEST

START_TEST(a_database_that_lacks_a_migration_is_reported)
{
	ck_assert_int_eq(check(), SCHEMA_INCOMPATIBLE);

	ck_assert_ptr_nonnull(strstr(text, "allocd migrate"));
}
END_TEST

START_TEST(a_gap_in_the_applied_migrations_is_refused)
{
	ck_assert_int_eq(migrate(), SCHEMA_READY);
	sql("delete from migrations where number = 2");

	ck_assert_int_eq(migrate(), SCHEMA_INCOMPATIBLE);

	ck_assert_ptr_nonnull(strstr(text, "has row 3 but lacks 0002_nothing_lost"));
}
END_TEST

START_TEST(a_migration_that_fails_changes_nothing)
{
	sql("create table products (something integer)");

	ck_assert_int_eq(migrate(), SCHEMA_FAILED);

	ck_assert_ptr_nonnull(strstr(text, "products"));
	ck_assert_str_eq(sql("select to_regclass('batches') is null and to_regclass('migrations') is null"),
			 "t");
}
END_TEST

/* ---- the migration in steps ---- */

/* The schema of the time when every command had ids of its own. */
static void step_back(void)
{
	ck_assert_msg(migrate() == SCHEMA_READY, "%s", text);
	sql("delete from migrations where number >= 4;"
	    " alter table inbox drop constraint inbox_pkey, add constraint inbox_pkey"
	    " primary key (id, source, message)");
}

static const char *spent(void)
{
	return sql(
		"select string_agg(id || ' ' || source || ' ' || message, ', ' order by id, source, message)"
		" from inbox");
}

static const char *key_of_inbox(void)
{
	return sql("select pg_get_constraintdef(oid) from pg_constraint where conname = 'inbox_pkey'");
}

START_TEST(of_two_commands_that_spent_one_id_the_earlier_one_keeps_it)
{
	step_back();
	sql("insert into inbox (id, source, message, digest, outcome, handled_at) values"
	    " ('a', '', 'allocate', 1, 'handled', now()),"
	    " ('a', '', 'create_batch', 1, 'handled', now() - interval '1 hour'),"
	    " ('a', '', 'change_batch_quantity', 1, 'handled', now() - interval '1 minute'),"
	    " ('a', '/shop', 'allocate', 1, 'handled', now()),"
	    " ('b', '', 'allocate', 1, 'skipped', now() - interval '1 second'),"
	    " ('b', '', 'create_batch', 1, 'handled', now()),"
	    " ('17-0', 'commands 1', 'stream entry', 1, 'handled', now())");

	ck_assert_msg(migrate() == SCHEMA_READY, "%s", text);

	ck_assert_str_eq(spent(),
			 "17-0 commands 1 stream entry, a  create_batch, a /shop allocate, b  allocate");
	ck_assert_str_eq(key_of_inbox(), "PRIMARY KEY (id, source)");
	ck_assert_int_eq(check(), SCHEMA_READY);
}
END_TEST

/* The same suite by way of a pooler may be run on this server at the same time. */
#define SESSION_THAT_BUILDS                                                                                  \
	" from pg_stat_activity where datname = current_database()"                                          \
	" and query like 'create unique index concurrently%'"

static pid_t migrate_beside(void)
{
	pid_t child = fork();

	if (!child)
		_exit(migrate() == SCHEMA_READY ? 0 : 1);
	while (atol(sql("select count(*)" SESSION_THAT_BUILDS " and wait_event_type = 'Lock'")) == 0)
		usleep(10000);
	return child;
}

static void expect_migrated(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_str_eq(key_of_inbox(), "PRIMARY KEY (id, source)");
}

/* Ids that writers spend twice meanwhile are found, also those that are committed late. */
START_TEST(writers_continue_while_an_index_is_built)
{
	void *writer;
	pid_t child;

	step_back();
	writer = database_hold(conninfo, "insert into inbox (id, source, message, digest, outcome)"
					 " values ('a', '', 'allocate', 1, 'handled')");
	child = migrate_beside();

	sql("set lock_timeout = '500ms'; insert into inbox (id, source, message, digest, outcome) values"
	    " ('b', '', 'allocate', 1, 'handled'), ('b', '', 'create_batch', 1, 'handled')");
	database_let_go(writer);

	expect_migrated(child);
	ck_assert_str_eq(spent(), "b  allocate");
}
END_TEST

START_TEST(a_migration_that_was_interrupted_resumes)
{
	void *writer;
	pid_t child;
	int status;

	step_back();
	writer = database_hold(conninfo, "insert into inbox (id, source, message, digest, outcome)"
					 " values ('a', '', 'allocate', 1, 'handled')");
	child = migrate_beside();
	sql("select pg_terminate_backend(pid)" SESSION_THAT_BUILDS);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_ne(WEXITSTATUS(status), 0);
	ck_assert_int_eq(check(), SCHEMA_INCOMPATIBLE);
	ck_assert_str_eq(key_of_inbox(), "PRIMARY KEY (id, source, message)");

	database_let_go(writer);
	ck_assert_msg(migrate() == SCHEMA_READY, "%s", text);

	ck_assert_str_eq(key_of_inbox(), "PRIMARY KEY (id, source)");
	ck_assert_str_eq(sql("select to_regclass('inbox_key') is null"), "t");
}
END_TEST

/* The schema of the time when a row of the outbox held the events of one product. */
static void step_back_to_7(void)
{
	ck_assert_msg(migrate() == SCHEMA_READY, "%s", text);
	sql("delete from migrations where number >= 8; drop view product_frames; drop table outbox_directory;"
	    " drop function frames_of_product, outbox_parts(bigint[], bytea),"
	    " outbox_parts(bigint[], bigint, bigint, bigint, bigint, bytea); alter table products drop column last_row;"
	    " drop index outbox_version_key, outbox_key;"
	    " alter table outbox drop column key, drop column sections, drop column previous,"
	    " alter column product_id set not null,"
	    " alter column first_version set not null, alter column last_version set not null,"
	    " add constraint outbox_version_key unique (product_id, last_version)");
}

/* Adds rows as a program from before the migration does, which names the columns that it knows. */
static void add_rows_of_before(int from, int to)
{
	char insert[256];

	snprintf(insert, sizeof insert,
		 "insert into outbox (partition, position, product_id, first_version, last_version, frame)"
		 " select 3, n, 7, n, n, convert_to('frame ' || n, 'UTF8') from generate_series(%d, %d) n",
		 from, to);
	sql(insert);
}

START_TEST(rows_of_the_outbox_from_before_migration_8_are_read_after_it_and_more_can_be_added)
{
	step_back_to_7();
	sql("insert into products (id, sku, version, revision) values (7, 'lamp', 40, 1)");
	add_rows_of_before(1, 20);

	ck_assert_msg(migrate() == SCHEMA_READY, "%s", text);

	add_rows_of_before(21, 40);
	ck_assert_str_eq(sql("select string_agg(convert_from(events, 'UTF8'), ',' order by last_version)"
			     " from frames_of_product(7, 18, 4)"),
			 "frame 19,frame 20,frame 21,frame 22,frame 23");
	ck_assert_str_eq(sql("select count(*) from pg_constraint where conname = 'outbox_version_key'"), "0");
	ck_assert_str_eq(sql("select indisunique and indisvalid from pg_index"
			     " where indexrelid = 'outbox_version_key'::regclass"),
			 "t");
}
END_TEST

START_TEST(a_database_in_another_encoding_is_refused)
{
	database_drop_another();
	snprintf(conninfo, sizeof conninfo, "%s",
		 database_conninfo_of(database_make_another("encoding 'LATIN1' locale 'C'"), ""));

	ck_assert_int_eq(migrate(), SCHEMA_INCOMPATIBLE);

	ck_assert_ptr_nonnull(strstr(text, "UTF8"));
}
END_TEST

static void assert_unreachable(const char *nowhere, const char *words, enum schema_result result)
{
	struct url_source url = world_url(nowhere);

	ck_assert_int_eq(postgres_migrate(&url, 2000, world_logger(), text), result);
	ck_assert_msg(strstr(text, words), "%s", text);
	ck_assert_msg(!strstr(text, "pass-word"), "%s", text);
	ck_assert_msg(!strchr(text, '\n'), "%s", text);
}

START_TEST(the_error_of_an_unreachable_server_does_not_hold_the_password)
{
	assert_unreachable("postgresql://user:pass-word@127.0.0.1:1/db", "refused", SCHEMA_UNREACHABLE);
	assert_unreachable("postgresql://user:pass-word@no-such-host.invalid/db", "no-such-host",
			   SCHEMA_UNREACHABLE);
	assert_unreachable("postgresql://user:pass-word@[host/db", "malformed", SCHEMA_INCOMPATIBLE);
	assert_unreachable(database_way(database_conninfo_of("no such database", " password=pass-word")),
			   "no such database", SCHEMA_UNREACHABLE);
}
END_TEST

SUITE("schema", set_up, world_tear_down)
{
	tcase_add_test(tests, migrating_an_empty_database_creates_the_tables);
	tcase_add_test(tests, the_outbox_of_an_empty_database_has_every_partition_of_the_program);
	tcase_add_test(tests, verify_misses_every_partition_of_the_program_in_an_empty_outbox);
	tcase_add_test(tests, migrating_twice_changes_nothing);
	tcase_add_test(tests, programs_that_migrate_at_once_wait_for_each_other);
	tcase_add_test(tests, a_program_that_migrates_for_too_long_is_not_waited_for);
	tcase_add_test(tests, a_migration_that_was_changed_is_refused);
	tcase_add_test(tests, a_newer_database_that_works_with_this_program_is_accepted);
	tcase_add_test(tests, a_check_of_the_schema_says_to_whom_the_database_belongs);
	tcase_add_test(tests, a_newer_database_that_needs_a_newer_program_is_refused);
	tcase_add_test(tests, a_database_that_lacks_a_migration_is_reported);
	tcase_add_test(tests, a_gap_in_the_applied_migrations_is_refused);
	tcase_add_test(tests, a_migration_that_fails_changes_nothing);
	tcase_add_test(tests, of_two_commands_that_spent_one_id_the_earlier_one_keeps_it);
	tcase_add_test(tests, writers_continue_while_an_index_is_built);
	tcase_add_test(tests, a_migration_that_was_interrupted_resumes);
	tcase_add_test(tests,
		       rows_of_the_outbox_from_before_migration_8_are_read_after_it_and_more_can_be_added);
	tcase_add_test(tests, a_database_in_another_encoding_is_refused);
	tcase_add_test(tests, the_error_of_an_unreachable_server_does_not_hold_the_password);
}
