/*
 * The connector tries each address of each host in turn, each within its own time limit and after any
 * failure of the one before.
 */
#include "adapters/postgres/connector/connector.h"

#include "adapters/postgres/connector/conninfo.h"
#include "starved.h"
#include "support/suites.h"
#include "world.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char good_host[256], good_port[16], good_database[64], good_user[64], rest[1024];
static int refusing, silent, dropping;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- addresses without a server ---- */

/* Returns a port of 127.0.0.1; with a negative `backlog` it does not listen, so it refuses connections. */
static int take_port(int backlog, struct sockaddr_in *address)
{
	socklen_t size = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, size), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &size), 0);
	if (backlog >= 0)
		ck_assert_int_eq(listen(fd, backlog), 0);
	return ntohs(address->sin_port);
}

/*
 * Returns a port whose queue is full, so that the kernel drops the first packet of every client, as if the
 * host were gone.
 */
static int take_dropping_port(void)
{
	struct sockaddr_in address;
	int port = take_port(0, &address);

	for (int i = 0; i < 3; i++)
		(void)connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&address,
			      sizeof address);
	return port;
}

static void find_good_server(void)
{
	PGconn *pg = PQconnectdb(database_conninfo());

	snprintf(good_host, sizeof good_host, "%s", PQhost(pg));
	snprintf(good_port, sizeof good_port, "%s", PQport(pg));
	snprintf(good_database, sizeof good_database, "%s", PQdb(pg));
	snprintf(good_user, sizeof good_user, "%s", PQuser(pg));
	setenv("PGPASSWORD", PQpass(pg), 1);
	snprintf(rest, sizeof rest, "dbname='%s' user='%s' password='%s'", PQdb(pg), PQuser(pg), PQpass(pg));
	PQfinish(pg);
}

static void set_up(void)
{
	struct sockaddr_in address;

	world_set_up();
	find_good_server();
	refusing = take_port(-1, &address);
	silent = take_port(64, &address);
	dropping = take_dropping_port();
}

/* ---- connecting ---- */

struct connecting {
	bool done;
	PGconn *pg;
	char key[SERVER_KEY_SIZE];
	struct pg_error error;
	int64_t took_ms;
};

static void take_outcome(void *context, PGconn *pg, const char *key, const struct pg_error *error)
{
	struct connecting *outcome = context;

	ck_assert(!outcome->done);
	outcome->done = true;
	outcome->pg = pg;
	if (pg)
		snprintf(outcome->key, sizeof outcome->key, "%s", key);
	else
		outcome->error = *error;
}

static struct connecting connect_by(const struct url_source *url, bool reads)
{
	struct connecting outcome = {0};
	int64_t begun = now_ms();

	connector_start(
		&(struct connector_config){
			.base = world.base, .url = url, .servers = world.servers, .reads = reads},
		take_outcome, &outcome);
	ck_assert(!outcome.done);
	world.fixture.run_until(&world.fixture, &outcome.done);
	outcome.took_ms = now_ms() - begun;
	return outcome;
}

static struct connecting connect_to(const char *conninfo)
{
	struct url_source url = world_url(conninfo);

	return connect_by(&url, false);
}

/* $R, $S, $D: ports that refuse, are silent, drop; $H and $P: the good host and its port; $X: the rest. */
static const char *fill_in(const char *pattern)
{
	static char text[4096];
	size_t used = 0;

	for (const char *it = pattern; *it; it++) {
		char port[16];
		const char *piece = port;

		snprintf(port, sizeof port, "%c", *it);
		if (*it == '$') {
			it++;
			snprintf(port, sizeof port, "%d",
				 *it == 'R'   ? refusing
				 : *it == 'S' ? silent
					      : dropping);
			piece = *it == 'H' ? good_host : *it == 'P' ? good_port : *it == 'X' ? rest : port;
		}
		used += (size_t)snprintf(text + used, sizeof text - used, "%s", piece);
	}
	return text;
}

static void assert_in_session(struct connecting *outcome)
{
	PGresult *result;

	ck_assert_msg(outcome->pg, "%s", outcome->error.text);
	result = PQexec(outcome->pg, "select 1");
	ck_assert_int_eq(PQresultStatus(result), PGRES_TUPLES_OK);
	PQclear(result);
	PQfinish(outcome->pg);
	outcome->pg = NULL;
}

static const struct attempt {
	const char *conninfo;
	int64_t least_ms, most_ms;
} ways[] = {
	{"host=$H port=$P $X", 0, 2000},
	{"host=127.0.0.1,$H port=$R,$P $X", 0, 2000},
	{"host=127.0.0.1,127.0.0.1,127.0.0.1,$H port=$R,$S,$D,$P $X connect_timeout=2", 4000, 6000},
	{"host=db.invalid,db.invalid,$H hostaddr=127.0.0.1,::1,,127.0.0.1 port=$R,1,$P,$R $X", -1, -1},
	{"host=db.invalid,$H,db.invalid hostaddr=127.0.0.1,,127.0.0.1 port=$R,$P,$R $X", 0, 2000},
	{"host=no-such-host.invalid,$H port=$P $X", 0, 8000},
	{"host=@no-such-socket,$H port=$R,$P $X", 0, 2000},
	{"host=127.0.0.1,$H port=$R,$P $X target_session_attrs=read-write", 0, 2000},
	{"host=127.0.0.1,$H port=$R,$P $X target_session_attrs=primary", 0, 2000},
	{"host=127.0.0.1,$H port=$R,$P $X target_session_attrs=prefer-standby", 0, 2000},
	{"host=127.0.0.1,$H port=$S,$P $X connect_timeout=1", 2000, 3500}, /* as libpq: not under 2 s */
	{"host=127.0.0.1,$H port=$S,$P $X connect_timeout=0", 3000, 4500}, /* no limit: then ours */
};

START_TEST(the_first_suitable_server_is_found)
{
	const struct attempt *transport = &ways[_i];
	struct connecting outcome = connect_to(fill_in(transport->conninfo));

	if (transport->most_ms < 0) { /* the lists differ in length */
		ck_assert_ptr_null(outcome.pg);
		ck_assert_int_eq(outcome.error.kind, FAILURE_FATAL);
		ck_assert_msg(strstr(outcome.error.text, "could not match"), "%s", outcome.error.text);
		return;
	}
	assert_in_session(&outcome);
	ck_assert_int_ge(outcome.took_ms, transport->least_ms);
	ck_assert_int_lt(outcome.took_ms, transport->most_ms);
}
END_TEST

START_TEST(a_url_names_several_hosts_too)
{
	char url[2048], host[1024] = "";

	for (const char *it = good_host; *it; it++)
		snprintf(host + strlen(host), 4, "%%%02X", (unsigned char)*it);
	snprintf(url, sizeof url, "postgresql://127.0.0.1:%d,%s:%s/%s?connect_timeout=2&user=%s", silent,
		 host, good_port, good_database, good_user);

	assert_in_session(&(struct connecting){.pg = connect_to(url).pg});
}
END_TEST

START_TEST(the_environment_names_the_hosts_where_the_text_does_not)
{
	char hosts[512], ports[64];

	snprintf(hosts, sizeof hosts, "127.0.0.1,%s", good_host);
	snprintf(ports, sizeof ports, "%d,%s", refusing, good_port);
	setenv("PGHOST", hosts, 1);
	setenv("PGPORT", ports, 1);

	assert_in_session(&(struct connecting){.pg = connect_to(rest).pg});
}
END_TEST

START_TEST(the_error_names_every_address_that_failed)
{
	struct connecting outcome =
		connect_to(fill_in("host=127.0.0.1,127.0.0.1,no-such-host.invalid port=$R,$S,5432 $X"
				   " connect_timeout=2 password=pass-word"));
	const char *text = outcome.error.text;

	ck_assert_ptr_null(outcome.pg);
	ck_assert_int_eq(outcome.error.kind, FAILURE_RETRY);
	ck_assert_msg(strstr(text, "refused"), "%s", text);
	ck_assert_msg(strstr(text, "no answer within 2 s"), "%s", text);
	ck_assert_msg(strstr(text, "\"no-such-host.invalid\""), "%s", text);
	ck_assert_msg(!strstr(text, "pass-word"), "%s", text);
}
END_TEST

START_TEST(an_address_that_was_silent_is_tried_last_for_a_while)
{
	const char *conninfo =
		arena_strdup(world.texts, fill_in("host=127.0.0.1,$H port=$S,$P $X connect_timeout=2"));

	world.servers = known_servers_new();
	assert_in_session(&(struct connecting){.pg = connect_to(conninfo).pg});

	for (int i = 0; i < 3; i++) {
		struct connecting outcome = connect_to(conninfo);

		assert_in_session(&outcome);
		ck_assert_int_lt(outcome.took_ms, 1500);
	}
}
END_TEST

START_TEST(an_address_that_was_silent_is_still_tried)
{
	world.servers = known_servers_new();
	known_servers_suspect(world.servers, arena_printf(world.texts, "%s:%s", good_host, good_port));

	assert_in_session(
		&(struct connecting){.pg = connect_to(fill_in("host=127.0.0.1,$H port=$R,$P $X")).pg});
}
END_TEST

START_TEST(without_a_free_descriptor_an_attempt_fails_and_a_later_one_succeeds)
{
	const char *conninfo = arena_strdup(world.texts, fill_in("host=no-such-host.invalid,$H port=$P $X"));
	struct rlimit before, none;
	struct connecting outcome;
	char text[SCHEMA_TEXT_SIZE];
	struct url_source url = world_url(conninfo);

	getrlimit(RLIMIT_NOFILE, &before);
	none = (struct rlimit){0, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	outcome = connect_to(conninfo);
	ck_assert_int_eq(postgres_check_schema(&url, 2000, NULL, text), SCHEMA_UNREACHABLE);
	setrlimit(RLIMIT_NOFILE, &before);

	ck_assert_ptr_null(outcome.pg);
	ck_assert_int_eq(outcome.error.kind, FAILURE_RETRY);
	ck_assert_msg(strstr(outcome.error.text, "Too many open files"), "%s", outcome.error.text);
	assert_in_session(&(struct connecting){.pg = connect_to(conninfo).pg});
}
END_TEST

START_TEST(a_cancelled_connector_does_not_call_back)
{
	struct url_source url = world_url(fill_in("host=localhost,127.0.0.1 port=$S $X"));
	struct connecting outcome = {0}, other;
	struct connector *connector = connector_start(
		&(struct connector_config){.base = world.base, .url = &url}, take_outcome, &outcome);

	other = connect_to(fill_in("host=$H port=$P $X"));
	assert_in_session(&other);
	connector_cancel(&connector);
	connector_cancel(&connector);

	ck_assert_ptr_null(connector);
	ck_assert(!outcome.done);
}
END_TEST

/* ---- without memory ---- */

START_TEST(a_lack_of_memory_is_not_blamed_on_the_connection_string)
{
	struct connecting connecting;

	starve("PQconninfoParse");
	connecting = connect_to(fill_in("host=$H port=$P $X"));

	ck_assert_int_eq(connecting.error.kind, FAILURE_RETRY);
	ck_assert_str_eq(connecting.error.text, "out of memory");
}
END_TEST

static const char *const ending[] = {"PQconninfo", "PQconnectStartParams"};

START_TEST(the_process_aborts_where_libpq_has_no_memory_at_all)
{
	starve(ending[_i]);
	connect_to(fill_in("host=$H port=$P $X"));
}
END_TEST

/* ---- the URL ---- */

/* Simulates a file that is rewritten: missing, half written, complete. */
static const char *read_changing(void *context, struct arena *arena, const char **error)
{
	int *reads = context;

	switch ((*reads)++) {
	case 0:
		*error = "DATABASE_URL_FILE: cannot read /gone";
		return NULL;
	case 1:
		return arena_strdup(arena, "postgresql://user:pass-word@[");
	default:
		return arena_strdup(arena, database_conninfo());
	}
}

START_TEST(the_url_is_read_at_every_attempt_and_a_malformed_one_is_retried)
{
	int reads = 0;
	struct postgres_config config = world_config();
	struct postgres_store *store;
	struct store_ports ports;
	struct work *work;

	config.url = (struct url_source){.read = read_changing, .context = &reads};
	store = postgres_store_new(&config, "test");
	ports = (struct store_ports){.units = postgres_unit_store(store)};
	work = work_new(&world.fixture, &ports);
	unit_of_work_want_product(&work->uow, "lamp");

	while (work_load(work) != NO_FAILURE)
		continue;

	ck_assert_int_eq(reads, 3);
	ck_assert_ptr_nonnull(strstr(world_log(), "DATABASE_URL_FILE: cannot read /gone"));
	ck_assert_ptr_nonnull(strstr(world_log(), "malformed"));
	ck_assert_ptr_null(strstr(world_log(), "pass-word"));
	work_free(&work);
	postgres_store_free(&store);
}
END_TEST

/* ---- settings of the database ---- */

static const char *const hostile[] = {
	"statement_timeout = 1",
	"lock_timeout = 1",
	"idle_session_timeout = 1",
	"idle_in_transaction_session_timeout = 1",
	"default_transaction_isolation = serializable",
	"default_transaction_deferrable = on",
};

static void set_for_database(const char *database, const char *setting)
{
	database_sql("alter database \"%s\" set %s", database, setting);
}

/*
 * Runs slow statements, with pauses in and outside of a transaction, each longer than the timeouts.  On a
 * busy machine many attempts may be ended before the first statement arrives, which lifts the timeouts.
 */
static void assert_patient(const char *conninfo)
{
	static const char *const statements[] = {"select pg_sleep(0.02)", "begin", "select 1", "commit"};
	static const struct timespec pause = {0, 20000000};
	PGconn *pg;

	while (!(pg = connect_to(conninfo).pg))
		continue;
	for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
		PGresult *result = PQexec(pg, statements[i]);

		ck_assert_msg(PQresultStatus(result) == PGRES_TUPLES_OK ||
				      PQresultStatus(result) == PGRES_COMMAND_OK,
			      "%s", PQerrorMessage(pg));
		PQclear(result);
		nanosleep(&pause, NULL);
	}
	PQfinish(pg);
}

START_TEST(timeouts_of_the_database_end_no_session_of_ours)
{
	const char *name = database_make_another("");
	const char *conninfo = arena_strdup(world.texts, database_conninfo_of(name, ""));
	struct url_source url = world_url(conninfo);
	char text[SCHEMA_TEXT_SIZE];
	struct work *work;

	set_for_database(name, hostile[_i]);
	while (postgres_migrate(&url, 10000, world_logger(), text) == SCHEMA_UNREACHABLE)
		continue;
	while (postgres_check_schema(&url, 5000, NULL, text) == SCHEMA_UNREACHABLE)
		continue;
	assert_patient(conninfo);

	work = work_new(&world.fixture, world_make_store_on(conninfo));
	work_create_batch(work, "batch", "lamp", 10, IN_WAREHOUSE);
	while (work_load(work) != NO_FAILURE)
		continue;
	work_handle(work);
	ck_assert_int_eq(work_flush(work), NO_FAILURE);
	work_free(&work);
}
END_TEST

START_TEST(a_read_only_database_is_reported_and_still_read_by_tools)
{
	const char *name = database_make_another("");
	const char *conninfo = arena_strdup(world.texts, database_conninfo_of(name, ""));
	struct url_source url = world_url(conninfo);
	char text[SCHEMA_TEXT_SIZE];
	struct work *work;

	ck_assert_int_eq(postgres_migrate(&url, 10000, world_logger(), text), SCHEMA_READY);
	set_for_database(name, "default_transaction_read_only = on");

	work = work_new(&world.fixture, world_make_store_on(conninfo));
	unit_of_work_want_product(&work->uow, "lamp");
	while (work_load(work) == FAILURE_RETRY && strstr(work->failure, "not connected"))
		continue;
	ck_assert_msg(strstr(work->failure, "default_transaction_read_only is on"), "%s", work->failure);
	work_free(&work);
	ck_assert_int_eq(postgres_migrate(&url, 2000, world_logger(), text), SCHEMA_UNREACHABLE);
	ck_assert_msg(strstr(text, "default_transaction_read_only is on"), "%s", text);
	ck_assert_int_eq(postgres_check_schema(&url, 2000, NULL, text), SCHEMA_READY);
}
END_TEST

SUITE("connector", set_up, world_tear_down, .only_if = database_is_direct)
{
	tcase_add_loop_test(tests, the_first_suitable_server_is_found, 0,
			    (int)(sizeof ways / sizeof ways[0]));
	tcase_add_test(tests, a_url_names_several_hosts_too);
	tcase_add_test(tests, the_environment_names_the_hosts_where_the_text_does_not);
	tcase_add_test(tests, the_error_names_every_address_that_failed);
	tcase_add_test(tests, an_address_that_was_silent_is_tried_last_for_a_while);
	tcase_add_test(tests, an_address_that_was_silent_is_still_tried);
	tcase_add_test(tests, without_a_free_descriptor_an_attempt_fails_and_a_later_one_succeeds);
	tcase_add_test(tests, a_cancelled_connector_does_not_call_back);
	tcase_add_test(tests, a_lack_of_memory_is_not_blamed_on_the_connection_string);
	tcase_add_loop_test_raise_signal(tests, the_process_aborts_where_libpq_has_no_memory_at_all, SIGABRT,
					 0, (int)(sizeof ending / sizeof ending[0]));
	tcase_add_test(tests, the_url_is_read_at_every_attempt_and_a_malformed_one_is_retried);
	tcase_add_loop_test(tests, timeouts_of_the_database_end_no_session_of_ours, 0,
			    (int)(sizeof hostile / sizeof hostile[0]));
	tcase_add_test(tests, a_read_only_database_is_reported_and_still_read_by_tools);
}
