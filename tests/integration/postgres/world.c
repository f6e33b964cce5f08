/* The fixture on a real Postgres, for the port test suites and for the adapter's own tests. */
#include "world.h"

#include <stdio.h>
#include <string.h>

#define PATIENCE_S 60

static char log_text[8192];

static void write_log(struct logger *logger, enum log_level level, const char *message,
		      const struct log_field *fields, size_t count)
{
	size_t used = strlen(log_text);

	(void)logger, (void)level;
	used += (size_t)snprintf(log_text + used, sizeof log_text - used, "%s", message);
	for (size_t i = 0; i < count && used < sizeof log_text; i++)
		used += (size_t)snprintf(log_text + used, sizeof log_text - used, " %s=%s", fields[i].name,
					 fields[i].text ? fields[i].text : "");
	if (used < sizeof log_text - 2)
		strcat(log_text, "\n");
}

static struct logger logger = {.level = LOG_WARN, .write = write_log};

struct logger *world_logger(void)
{
	return &logger;
}

const char *world_log(void)
{
	return log_text;
}

/* ---- the fixture ---- */

static void set_up(struct store_fixture *fixture)
{
	(void)fixture;
	log_text[0] = '\0';
	database_empty();
	world.base = event_base_new();
	world.texts = arena_new(1024);
	world.servers = NULL;
	world.answer_timeout_ms = 0;
}

static void tear_down(struct store_fixture *fixture)
{
	(void)fixture;
	while (world.store_count) {
		world.store_count--;
		postgres_store_free(&world.stores[world.store_count]);
		proxy_free(&world.proxies[world.store_count]);
	}
	while (world.port_store_count)
		postgres_store_free(&world.port_stores[--world.port_store_count]);
	while (world.views_count)
		postgres_views_free(&world.views[--world.views_count]);
	while (world.leases_count)
		postgres_leases_free(&world.leases[--world.leases_count]);
	event_base_free(world.base);
	known_servers_free(&world.servers);
	arena_free(&world.texts);
	database_drop_another();
}

struct url_source world_url(const char *conninfo)
{
	return (struct url_source){.read = url_read_text,
				   .context = arena_strdup(world.texts, conninfo),
				   .pooled = database_is_pooled()};
}

static struct postgres_config config_of(const char *conninfo)
{
	return (struct postgres_config){
		.base = world.base,
		.url = world_url(conninfo),
		.servers = world.servers,
		.logger = &logger,
		.inbox_days = SUITE_INBOX_DAYS,
		.dead_letters_max = SUITE_DEAD_LETTERS_MAX,
		.dead_letters_days = SUITE_DEAD_LETTERS_DAYS,
		.answer_timeout_ms = world.answer_timeout_ms,
	};
}

static struct store_ports *add_store(const char *conninfo, struct proxy *proxy)
{
	struct postgres_config config = config_of(conninfo);

	world.proxies[world.store_count] = proxy;
	return world_add_store(postgres_store_new(&config, "test"));
}

struct store_ports *world_add_store(struct postgres_store *store)
{
	ck_assert_uint_lt(world.store_count, WORLD_STORES_MAX);
	world.stores[world.store_count] = store;
	world.ports[world.store_count] = (struct store_ports){
		postgres_unit_store(store),   postgres_batch_directory(store), postgres_process_store(store),
		postgres_outbox_store(store), postgres_chores_store(store),
	};
	return &world.ports[world.store_count++];
}

struct store_ports *world_make_store(void)
{
	struct proxy *proxy = proxy_new(world.base, database_way(database_conninfo()));

	return add_store(proxy_conninfo(proxy), proxy);
}

static struct postgres_store *add_port_store(struct postgres_store *store)
{
	return world.port_stores[world.port_store_count++] = store;
}

/* As in a worker, each port but that of units has a store that prepares only its own statements. */
static struct store_ports *make_store(struct store_fixture *fixture)
{
	struct store_ports *ports = world_make_store();
	struct postgres_config config = config_of(database_way(database_conninfo()));
	struct postgres_store *intake;

	(void)fixture;
	config.start = STARTS_WHEN_USED;
	intake = add_port_store(postgres_intake_store_new(&config));
	ports->batches = postgres_batch_directory(intake);
	ports->processes = postgres_process_store(intake);
	ports->outbox = postgres_outbox_store(add_port_store(postgres_publisher_store_new(&config)));
	ports->chores = postgres_chores_store(add_port_store(postgres_chores_store_new(&config)));
	return ports;
}

static struct views *make_views(struct store_fixture *fixture)
{
	struct postgres_config config = config_of(database_way(database_conninfo()));

	(void)fixture;
	ck_assert_uint_lt(world.views_count, WORLD_STORES_MAX);
	world.views[world.views_count] = postgres_views_new(&config);
	return world.views[world.views_count++];
}

static struct lease_store *make_leases(struct store_fixture *fixture)
{
	struct postgres_config config = config_of(database_way(database_conninfo()));

	(void)fixture;
	ck_assert_uint_lt(world.leases_count, WORLD_STORES_MAX);
	world.leases[world.leases_count] = postgres_leases_new(&config);
	return world.leases[world.leases_count++];
}

static void give_up(evutil_socket_t fd, short what, void *context)
{
	bool *out_of_patience = context;

	(void)fd, (void)what;
	*out_of_patience = true;
}

static void run_until(struct store_fixture *fixture, const bool *done)
{
	bool out_of_patience = false;
	struct event *patience = evtimer_new(world.base, give_up, &out_of_patience);

	(void)fixture;
	event_add(patience, &(struct timeval){PATIENCE_S, 0});
	while (!*done && !out_of_patience)
		event_base_loop(world.base, EVLOOP_ONCE);
	event_free(patience);
	ck_assert_msg(*done, "waited %d s in vain; the log: %s", PATIENCE_S, log_text);
}

static void lose_next_flush(struct store_fixture *fixture, struct store_ports *store, enum loss loss)
{
	struct proxy *proxy = world_proxy_of(store);

	(void)fixture;
	switch (loss) {
	case LOST_BEFORE_COMMIT:
		proxy_swallow_flush(proxy);
		break;
	case LOST_AFTER_COMMIT:
		proxy_swallow_answer(proxy);
		break;
	case LOST_WHILE_COMMITTING:
		proxy_hold_commit(proxy);
		break;
	}
}

static void end_lost_session(struct store_fixture *fixture, struct store_ports *store, bool commits)
{
	(void)fixture;
	proxy_end_held(world_proxy_of(store), commits);
}

/* Makes every row with a time older by this many seconds. */
static void let_time_pass(struct store_fixture *fixture, int64_t seconds)
{
	static const char *const columns[][2] = {{"notifications", "due_at"},   {"units", "at"},
						 {"inbox", "handled_at"},       {"outbox", "committed_at"},
						 {"dead_letter_history", "at"}, {"dead_letters", "last_at"},
						 {"processes", "due_at"}};

	(void)fixture;
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
		database_sql("update %s set %s = %s - make_interval(secs => %ld)", columns[i][0],
			     columns[i][1], columns[i][1], (long)seconds);
}

static void dead_letters(struct store_fixture *fixture, char *text, size_t size)
{
	(void)fixture;
	snprintf(text, size, "%s",
		 database_sql("select string_agg(reason || ';', '' order by id) from dead_letters"));
}

static int64_t newest_dead_letter(struct store_fixture *fixture)
{
	(void)fixture;
	return database_number("select max(id) from dead_letters");
}

static void dead_letters_in_full(struct store_fixture *fixture, char *text, size_t size)
{
	(void)fixture;
	snprintf(
		text, size, "%s",
		database_sql(
			"select string_agg(format('%%s %%s %%s %%s %%s %%s %%s;', outcome, way, place, message,"
			" coalesce(message_id, '-'), attempts, reason), '' order by id) from dead_letters"));
}

static void replays(struct store_fixture *fixture, char *text, size_t size)
{
	(void)fixture;
	snprintf(
		text, size, "%s",
		database_sql(
			"select string_agg(format('%%s %%s %%s %%s %%s %%s %%s;', attempt, who, edits, outcome,"
			" message, coalesce(message_id, '-'), reason), '' order by at)"
			" from dead_letter_history where action = 'replayed'"));
}

void world_renew(event_renewal *event)
{
	struct url_source url = world_url(database_conninfo());
	struct blocking_client client;
	struct renewal renewal;

	ck_assert(blocking_client_connect(&client, &url, CLIENT_WRITES, 5000));
	ck_assert_msg(postgres_renew(&client, event, NULL, &renewal), "%s", client.text);
	blocking_client_close(&client);
}

static void leave(struct outgoing *event, int64_t epoch, struct arena *arena)
{
	(void)event, (void)epoch, (void)arena;
}

static void renew(struct store_fixture *fixture)
{
	(void)fixture;
	world_renew(leave);
}

static void set_streams(struct store_fixture *fixture, const char *text)
{
	(void)fixture;
	database_sql("update installation set streams = '%s'", text);
}

struct world world = {
	.fixture = {set_up, tear_down, make_store, make_views, make_leases, run_until, lose_next_flush,
		    end_lost_session, let_time_pass, dead_letters, newest_dead_letter, dead_letters_in_full,
		    replays, renew, set_streams},
};

/* ---- for the adapter's own tests ---- */

struct store_fixture *const store_under_test = &world.fixture;

void world_set_up(void)
{
	set_up(&world.fixture);
}

void world_tear_down(void)
{
	tear_down(&world.fixture);
}

struct postgres_config world_config(void)
{
	return config_of(database_way(database_conninfo()));
}

struct store_ports *world_make_store_on(const char *conninfo)
{
	return add_store(conninfo, NULL);
}

void world_begin_work(struct work **work, struct store_ports *store)
{
	work_free(work);
	*work = work_new(&world.fixture, store);
}

struct proxy *world_proxy_of(const struct store_ports *store)
{
	return world.proxies[store - world.ports];
}

void world_await_lock_waiters(int count)
{
	while (database_number("select count(*) from pg_stat_activity where datname = current_database()"
			       " and wait_event_type = 'Lock'") < count)
		event_base_loop(world.base, EVLOOP_NONBLOCK);
}
