/*
 * Two or three workers and a rival handle random commands and cancelled orders, some of them sent to
 * several workers, some on streams, two of which may divide the SKUs, and on channels, each of which one
 * worker at a time handles under a lease, amid delays, conflicts, refusals, lost connections, outages,
 * partitions, jumping clocks, crashes and hangs; a few runs also have a disaster (disaster.h).  In the end
 * every message has had exactly one effect, in order, except that what is published may be lost as far as
 * losses.h says; and every event was published, in order; exactly once, unless the broker lost its
 * fences.
 *
 * The seed determines a run: see seeds_to_run().
 */
#include "simulation/losses.h"
#include "simulation/run.h"
#include "simulation/schedule/schedule.h"

#include "support/rival.h"
#include "support/suites.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#define RUNS  SEEDED_RUNS(200)
#define STEPS 250 /* of the longest runs */

#define TRACED 3 /* seeds that are played twice */

/* Broadcasts that wait for a worker before it is disconnected. */
#define WAITING_MAX 60

/* A step moves few lines, so that shrinks often need several steps. */
#define MOVE_MAX 7

/* A unit of work takes less than this after the last failure. */
#define UNIT_MAX_MS 100

/* Within this time workers to which nothing happens have heard the same, and the lease has moved. */
#define ACQUAINTED_MS 9000

/* After this time a worker publishes rows that another one left unpublished. */
#define LEFT_MS 3000

/* A worker has left, and the next ones have its streams, within this time each. */
#define HAND_OVER_MS 2000

/* How often it is asked in the end whether there is still something to do. */
#define AGAIN_MS 1000

/* ---- what happens ---- */

/*
 * The two copies of a message may come into one unit of work, and then the ledger does not know where the
 * second one was handled if the first one was rejected.
 */
static bool may_come_twice(const struct entry *entry)
{
	return entry->transport == TRANSPORT_HTTP || (entry->was_acceptable && !entry->is_anonymous);
}

static void send_again(struct run *run)
{
	struct entry *entry = run->ledger.count ? run->ledger.entries[pick(run, run->ledger.count)] : NULL;
	int worker = pick(run, run->chaos.workers);

	if (!entry || entry->by_rival || !ledger_is_answered(entry, worker) || !may_come_twice(entry))
		return;
	entry->again = true;
	send_to(run, entry, worker);
}

/* The rival sends commands only, and no orders that the database refuses. */
static void let_rival_act(struct run *run)
{
	struct entry *entry;

	if (world->database->down || world->database->locks)
		return;
	entry = any_message(run, KINDS - 1);
	entry->by_rival = true;
	if (strstr(entry->payload, POISON))
		return;
	story("another session handles %s %s", message_name(entry->type), in_one_line(entry->payload));
	rival_send(entry->type, entry->payload);
}

static void begin_worker(struct run *run, int number)
{
	struct world *worker = replicas[number].world;

	worker->config.move_max = MOVE_MAX;
	worker->config.rejection_events = true;
	worker->config.lanes = 1 + (size_t)pick(run, 3);
	worker->config.backlog = (size_t[]){0, 8, 100}[pick(run, 3)];
	worker->config.unit_max = (size_t[]){1, 3, 10, 1000}[pick(run, 4)];
	story("worker %d starts, with %zu lanes and units of %zu messages at most", number,
	      worker->config.lanes, worker->config.unit_max);
	world_prepare(worker);
	chaos_surround(&run->chaos, number);
	replicas[number].listens = true;
	start_replica(number, STREAMS);
	chaos_surround_redis(&run->chaos, number);
}

/* Sends the commands that the dead worker did not answer to its successor, in the original order. */
void succeed_worker(struct run *run, int worker)
{
	begin_worker(run, worker);
	for (int i = 0; i < run->ledger.count; i++) {
		if (!ledger_is_answered(run->ledger.entries[i], worker))
			ledger_deliver(run->ledger.entries[i], worker);
	}
}

void kill_worker(int worker)
{
	story("worker %d is killed", worker);
	losses_look();
	kill_replica(worker);
}

static void replace_worker(struct run *run, int worker)
{
	kill_worker(worker);
	succeed_worker(run, worker);
}

/* The worker hands over its streams before it ends, if it is given the time. */
static void restart_worker(struct run *run, int worker)
{
	story("worker %d hands over its leases", worker);
	replicas[worker].is_stopping = true;
	lease_keeper_stop(replicas[worker].keeper);
	world_advance_ms(world, pick(run, 2000));
	replace_worker(run, worker);
}

static void publish_burst(struct run *run)
{
	for (int count = pick(run, 6); count > 0; count--) {
		struct entry *entry = any_message(run, KINDS);

		entry->transport = TRANSPORT_PUBSUB;
		ledger_publish(entry);
		publish_anonymous(run);
	}
}

static int holder_of_pubsub(const struct run *run)
{
	int worker = 0;

	while (worker < run->chaos.workers && !is_handling(worker))
		worker++;
	return worker;
}

static void wake_all(struct run *run)
{
	story("all workers run, and reach all servers");
	for (int i = 0; i < run->chaos.workers; i++)
		thaw_replica(i);
}

static void publish_for(struct run *run, int64_t duration_ms)
{
	for (int64_t end_ms = simulation_now_ms(world->simulation) + duration_ms;
	     simulation_now_ms(world->simulation) < end_ms;) {
		publish_burst(run);
		world_advance_ms(world, pick(run, 500));
	}
}

/* Nothing befalls the workers until they know each other, and hear the same: then nothing may be lost. */
static void let_all_be_well(struct run *run)
{
	wake_all(run);
	story("the database is up, and no other session has locks");
	database_set_down(world->database, false);
	database_unlock_products(world->database);
	publish_for(run, ACQUAINTED_MS);
}

/* The holder of pub/sub dies, is stopped, or loses a server, while messages are published; perhaps twice. */
static void lose_holder(struct run *run)
{
	static const struct {
		void (*act)(int worker);
		const char *story;
	} acts[] = {
		{kill_worker, "dies"},
		{kill_worker, "dies"},
		{freeze_replica, "is frozen"},
		{cut_database_of_replica, "is cut off from the database"},
		{cut_redis_of_replica, "is cut off from Redis"},
	};
	int worker, act;

	if (!pick(run, 3))
		let_all_be_well(run);
	worker = holder_of_pubsub(run);
	publish_burst(run);
	world_advance_ms(world, pick(run, 50));
	if (worker == run->chaos.workers)
		return;
	act = pick(run, COUNT(acts));
	story("worker %d, which has the lease of pub/sub, %s", worker, acts[act].story);
	acts[act].act(worker);
	publish_for(run, pick(run, 6000));
	if (replicas[worker].keeper)
		thaw_replica(worker);
	else
		succeed_worker(run, worker);
}

static void take_step(struct run *run)
{
	int kind = pick(run, 100);

	if (kind < 43)
		send_burst(run);
	else if (kind < 45)
		lose_holder(run);
	else if (kind < 80)
		world_advance_ms(world, pick(run, 60));
	else if (kind < 86)
		let_rival_act(run);
	else if (kind < 90)
		send_again(run);
	else if (kind < 96)
		chaos_strike(&run->chaos);
	else if (kind < 97)
		wake_all(run);
	else if (kind < 98)
		world_advance_ms(world, pick(run, 10000));
	else if (kind < 99)
		restart_worker(run, pick(run, run->chaos.workers));
	else
		replace_worker(run, pick(run, run->chaos.workers));
}

/* A worker whose units have one message, and which has one lane, needs the time of a unit for each. */
static int64_t time_of_queues_ms(const struct run *run)
{
	size_t queued = 0;

	for (int i = 0; i < run->chaos.workers; i++)
		queued += engine_stats(replicas[i].world->engine)->queued;
	return (int64_t)queued * UNIT_MAX_MS;
}

static bool are_acknowledged(void *nothing)
{
	int stream = 0;

	(void)nothing;
	while (stream < STREAMS && is_acknowledged(stream))
		stream++;
	return stream == STREAMS;
}

static bool is_done(const struct run *run)
{
	if (holder_of_pubsub(run) == run->chaos.workers)
		return false;
	for (int i = 0; i < run->chaos.workers; i++) {
		if (!leased_subscription_is_idle(replicas[i].subscription))
			return false;
	}
	return are_acknowledged(NULL) && !database_process_count(world->database);
}

/*
 * Runs until all work is done.  That takes less than a minute beyond what is queued, except that a process
 * whose worker died waits for the end of its lease, and that notifications may take hours.
 */
static void come_to_an_end(struct run *run)
{
	int64_t end_ms, ms, late_ms = disaster_end(run);

	chaos_end(&run->chaos);
	end_ms = simulation_now_ms(world->simulation) + time_of_queues_ms(run) + MINUTE_MS;
	for (int i = 0; i < run->chaos.workers; i++)
		world_settle(replicas[i].world);
	ck_assert_msg(simulation_now_ms(world->simulation) < end_ms, "the work took too long");
	world_advance_ms(world, ACQUAINTED_MS - LEFT_MS);
	for (ms = 0; ms < 2 * PROCESS_LEASE_OF_STREAM * 1000 + late_ms && !is_done(run); ms += AGAIN_MS)
		world_advance_ms(world, AGAIN_MS);
	world_advance_ms(world, LEFT_MS);
	losses_end();
	for (ms = 0; ms < 3 * HOUR_MS + late_ms && database_notification_count(world->database);
	     ms += AGAIN_MS)
		world_advance_ms(world, AGAIN_MS);
}

static bool has_left(void *context)
{
	const struct replica *replica = context;

	return lease_keeper_has_left(replica->keeper);
}

/* The worker leaves in order: its connections are not ended, and it receives nothing any more. */
static void hand_over(int number)
{
	char before[STREAMS][64];

	for (int i = 0; i < STREAMS; i++)
		snprintf(before[i], sizeof before[i], "%s", stream_connections(number, i));
	lease_keeper_stop(replicas[number].keeper);
	ck_assert(simulation_run_until(world->simulation, has_left, &replicas[number], HAND_OVER_MS));
	for (int i = 0; i < STREAMS; i++)
		add_order_to(i, "the last one");
	ck_assert(simulation_run_until(world->simulation, are_acknowledged, NULL, HAND_OVER_MS));
	for (int i = 0; i < STREAMS; i++)
		ck_assert_str_eq(stream_connections(number, i), before[i]);
}

static void stock_one(int number)
{
	create_batch(arena_printf(world->arena, "anonymous-%d", number),
		     arena_printf(world->arena, ANONYMOUS_SKU "-%d", number), 1);
}

/* The last SKU, when the run is half over. */
static void stock_last(struct run *run)
{
	if (!run->has_last)
		stock_one(ANONYMOUS_SKUS - 1);
	run->has_last = true;
}

/* No order finds enough of it. */
static void stock_anonymous(void)
{
	world_start(world);
	for (int i = 0; i < ANONYMOUS_SKUS - 1; i++)
		stock_one(i);
	world_settle(world);
	world_crash(world);
}

/* Plays the whole run of a seed, and returns its trace. */
static uint64_t play(uint64_t seed)
{
	int steps = schedule_length(seed, STEPS);
	struct run run = {0};

	schedule_begin(&run.random, seed, steps);
	seed_replicas((uint64_t)pick(&run, INT_MAX));
	run.orders = seed % 3 ? 0 : 40;
	run.last_line = RECENT;
	run.stock = seed % 2 ? 40 : 200;
	run.chaos = (struct chaos){.random = &run.random.random,
				   .workers = 2 + (int)(seed / 2 % 2),
				   .broker_keeps = seed % 2,
				   .failures_in = 3 + seed % 40};
	run.disaster = disaster_of(seed, steps);
	stock_anonymous();
	if (seed / 4 % 2)
		divide_skus();
	shared_pubsub.random = run.chaos.random;
	shared_pubsub.waiting_max = WAITING_MAX;
	for (int i = 0; i < run.chaos.workers; i++)
		begin_worker(&run, i);
	losses_begin(run.chaos.workers);
	while (schedule_next()) {
		if (schedule_step() > steps / 2)
			stock_last(&run);
		take_step(&run);
		disaster_strike(&run);
	}
	come_to_an_end(&run);
	ledger_check(&run.ledger, &run.chaos);
	disaster_check(&run);
	hand_over(0);
	schedule_end();
	return schedule_trace();
}

START_TEST(every_message_has_one_effect_despite_random_failures)
{
	play((uint64_t)_i);
}
END_TEST

static uint64_t trace_of(uint64_t seed)
{
	uint64_t trace = play(seed);

	tear_down_replicas();
	set_up_replicas();
	return trace;
}

START_TEST(a_seed_repeats_its_run_exactly)
{
	uint64_t seed = (uint64_t)_i, trace = trace_of(seed);

	ck_assert_uint_eq(trace_of(seed), trace);
	ck_assert_uint_ne(trace_of(seed + 1), trace);
}
END_TEST

/* The first seed of a short run that has the disaster. */
static uint64_t seed_with(enum disaster_kind kind)
{
	uint64_t seed = FRESH_SEEDS;

	while (disaster_of(seed, STEPS).kind != kind)
		seed++;
	return seed;
}

START_TEST(a_seed_with_a_disaster_repeats_its_run_exactly)
{
	uint64_t seed = seed_with((enum disaster_kind)_i), trace = trace_of(seed);

	ck_assert_uint_eq(trace_of(seed), trace);
}
END_TEST

SUITE("simulation (the number after the test's name is the seed)", set_up_replicas, tear_down_replicas,
      .timeout_s = 120)
{
	struct seeds seeds = seeds_to_run(0, RUNS);

	tcase_add_loop_test(tests, every_message_has_one_effect_despite_random_failures, seeds.first,
			    seeds.end);
	if (seeds_are_chosen())
		return;
	tcase_add_loop_test(tests, a_seed_repeats_its_run_exactly, seeds.first, seeds.first + TRACED);
	tcase_add_loop_test(tests, a_seed_with_a_disaster_repeats_its_run_exactly, 0, NO_DISASTER);
}
