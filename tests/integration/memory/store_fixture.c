/* The store in memory, for the port test suites. */
#include "integration/store/store_suite.h"

#include "adapters/memory/ports/leases.h"
#include "adapters/memory/ports/views.h"
#include "adapters/memory/simulation/lost.h"
#include "adapters/memory/store/memory_store.h"

#include <stdio.h>

#define STORES_MAX  8
#define PATIENCE_MS 60000

struct memory_fixture {
	struct store_fixture fixture;
	struct simulation *simulation;
	struct database *database;
	struct memory_store *stores[STORES_MAX];
	struct store_ports ports[STORES_MAX];
	size_t store_count;
	struct memory_views *views[STORES_MAX];
	size_t views_count;
	struct memory_leases *leases[STORES_MAX];
	size_t leases_count;
};

static struct memory_fixture *memory(struct store_fixture *fixture)
{
	return (struct memory_fixture *)fixture;
}

static void set_up(struct store_fixture *fixture)
{
	struct memory_fixture *it = memory(fixture);
	struct database_config config = {SUITE_DEAD_LETTERS_MAX, SUITE_INBOX_DAYS, SUITE_DEAD_LETTERS_DAYS};

	it->simulation = simulation_new();
	it->database = database_new(it->simulation, &config);
}

static void tear_down(struct store_fixture *fixture)
{
	struct memory_fixture *it = memory(fixture);

	while (it->store_count)
		memory_store_free(&it->stores[--it->store_count]);
	while (it->views_count)
		memory_views_free(&it->views[--it->views_count]);
	while (it->leases_count)
		memory_leases_free(&it->leases[--it->leases_count]);
	database_free(&it->database);
	simulation_free(&it->simulation);
}

static struct store_ports *make_store(struct store_fixture *fixture)
{
	struct memory_fixture *it = memory(fixture);
	struct memory_store *store = memory_store_new(it->database);

	ck_assert_uint_lt(it->store_count, STORES_MAX);
	it->stores[it->store_count] = store;
	it->ports[it->store_count] = (struct store_ports){
		memory_unit_store(store),   memory_batch_directory(store), memory_process_store(store),
		memory_outbox_store(store), memory_chores_store(store),
	};
	return &it->ports[it->store_count++];
}

static struct views *make_views(struct store_fixture *fixture)
{
	struct memory_fixture *it = memory(fixture);

	ck_assert_uint_lt(it->views_count, STORES_MAX);
	it->views[it->views_count] = memory_views_new(it->database);
	return memory_views_port(it->views[it->views_count++]);
}

static struct lease_store *make_leases(struct store_fixture *fixture)
{
	struct memory_fixture *it = memory(fixture);

	ck_assert_uint_lt(it->leases_count, STORES_MAX);
	it->leases[it->leases_count] = memory_leases_new(it->database);
	return memory_leases_port(it->leases[it->leases_count++]);
}

static bool is_done(void *context)
{
	const bool *const *done = context;

	return **done;
}

static void run_until(struct store_fixture *fixture, const bool *done)
{
	ck_assert(simulation_run_until(memory(fixture)->simulation, is_done, &done, PATIENCE_MS));
}

static struct memory_store *store_of(struct memory_fixture *it, const struct store_ports *ports)
{
	return it->stores[ports - it->ports];
}

static void lose_next_flush(struct store_fixture *fixture, struct store_ports *store, enum loss loss)
{
	static const enum store_injection injections[] = {
		[LOST_BEFORE_COMMIT] = INJECT_LOST_BEFORE,
		[LOST_AFTER_COMMIT] = INJECT_LOST_AFTER,
		[LOST_WHILE_COMMITTING] = INJECT_LOST_COMMITTING,
	};

	memory_store_fail_next(store_of(memory(fixture), store), CALL_FLUSH, injections[loss]);
}

static void end_lost_session(struct store_fixture *fixture, struct store_ports *store, bool commits)
{
	(void)store;
	database_end_lost(memory(fixture)->database, commits);
}

static void let_time_pass(struct store_fixture *fixture, int64_t seconds)
{
	simulation_advance_ms(memory(fixture)->simulation, seconds * 1000);
}

static void dead_letters(struct store_fixture *fixture, char *text, size_t size)
{
	const struct database *database = memory(fixture)->database;
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < database->dead_letter_count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s;", database->dead_letters[i].reason);
}

static int64_t newest_dead_letter(struct store_fixture *fixture)
{
	const struct database *database = memory(fixture)->database;

	return database->dead_letter_count ? database->dead_letters[database->dead_letter_count - 1].key : 0;
}

static void dead_letters_in_full(struct store_fixture *fixture, char *text, size_t size)
{
	const struct database *database = memory(fixture)->database;
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < database->dead_letter_count && used < size; i++) {
		const struct dead_letter_row *letter = &database->dead_letters[i];

		used += (size_t)snprintf(text + used, size - used, "%s %s %s %s %s %d %s;",
					 outcome_name(letter->outcome),
					 letter->is_mail ? "mail" : transport_name(letter->transport),
					 letter->origin, message_name(letter->type),
					 letter->id ? letter->id : "-", letter->attempts, letter->reason);
	}
}

static void replays(struct store_fixture *fixture, char *text, size_t size)
{
	const struct database *database = memory(fixture)->database;
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < database->replay_count && used < size; i++) {
		const struct replay_row *replay = &database->replays[i];

		used += (size_t)snprintf(text + used, size - used, "%d %s %s %s %s %s %s;", replay->attempt,
					 replay->who, replay->edits, outcome_name(replay->outcome),
					 message_name(replay->type), replay->id ? replay->id : "-",
					 replay->reason);
	}
}

static void renew(struct store_fixture *fixture)
{
	database_renew(memory(fixture)->database);
}

static void set_streams(struct store_fixture *fixture, const char *text)
{
	memory(fixture)->database->stream_list = text;
}

static struct memory_fixture the_fixture = {
	.fixture = {set_up, tear_down, make_store, make_views, make_leases, run_until, lose_next_flush,
		    end_lost_session, let_time_pass, dead_letters, newest_dead_letter, dead_letters_in_full,
		    replays, renew, set_streams},
};

struct store_fixture *const store_under_test = &the_fixture.fixture;
