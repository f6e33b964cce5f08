/*
 * Two or three workers and a rival handle random commands and cancelled orders, some of them sent to several
 * workers, some on streams, two of which may divide the SKUs, and on channels, each of which one worker at a
 * time handles under a lease, amid delays,
 * conflicts, refusals, lost connections, outages, partitions, jumping clocks, crashes and hangs.  In the end
 * every message has had exactly one effect, in order, except that what is published may be lost as far as
 * losses.h says; and every event was published, in order; exactly once, unless the broker lost its fences.
 *
 * The seed determines a run: see seeds_to_run().
 */
#include "simulation/chaos.h"
#include "simulation/ledger.h"
#include "simulation/losses.h"
#include "simulation/schedule.h"

#include "core/base/calendar.h"
#include "support/rival.h"
#include "support/suites.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#define RUNS  SEEDED_RUNS(200)
#define STEPS 250 /* of the longest runs */

#define TRACED 3 /* seeds that are played twice */

#define SKUS    4
#define BATCHES 6  /* of each SKU */
#define RECENT  30 /* lines that may be repeated, and messages whose order may be cancelled soon */

/* SKUs of the orders without ids: the last one is stocked later. */
#define ANONYMOUS_SKUS 3

/* Broadcasts that wait for a worker before it is disconnected. */
#define WAITING_MAX 60

/* A step moves few lines, so that shrinks often need several steps. */
#define MOVE_MAX 7

#define MINUTE_MS ((int64_t)60 * 1000)

/* A message may be dated this far ahead of the database's clock. */
#define AHEAD_MAX_MS (5 * MINUTE_MS)

#define HOUR_MS (60 * MINUTE_MS)

/* A unit of work takes less than this after the last failure. */
#define UNIT_MAX_MS 100

/* Within this time workers to which nothing happens have heard the same, and the lease has moved. */
#define ACQUAINTED_MS 9000

/* After this time a worker publishes rows that another one left unpublished. */
#define LEFT_MS 3000

struct run {
	struct memory_random random;
	int orders; /* few: lines repeat often; 0: seldom and soon, so most are assumed to be new */
	int last_line;
	bool has_last; /* of the SKUs without ids */
	int stock;     /* little: most lines are out of stock; much: a batch holds many lines */
	struct chaos chaos;
	struct ledger ledger;
};

static int pick(struct run *run, int bound)
{
	return (int)random_below(&run->random.random, (uint64_t)bound);
}

/* ---- commands ---- */

static const char *any_batch(struct run *run, int sku)
{
	if (!pick(run, 20))
		return arena_printf(world->arena, SHARED_BATCH "-%d", pick(run, BATCHES));
	return arena_printf(world->arena, "batch-%d-%d", sku, pick(run, BATCHES));
}

static struct entry *any_create(struct run *run, enum transport transport)
{
	static const char *const etas[] = {"", "\neta=2024-01-01", "\neta=2024-02-01"};
	int sku = pick(run, SKUS);

	return ledger_add(&run->ledger, transport, MSG_CREATE_BATCH,
			  arena_printf(world->arena, "ref=%s\nsku=SKU-%d\nqty=%d%s", any_batch(run, sku), sku,
				       1 + pick(run, run->stock), etas[pick(run, COUNT(etas))]));
}

/* An order that the database refuses. */
static const char *poison(int number)
{
	const char *orderid = arena_printf(world->arena, POISON "-%d", number);

	if (!database_refusal(world->database, orderid))
		database_refuse(world->database, orderid);
	return orderid;
}

/*
 * Returns any line of one of a few orders; or the next or a recent line of many orders, which have one, two
 * or three lines of different SKUs each.
 */
static struct entry *any_allocate(struct run *run, enum transport transport)
{
	static const int first_line[] = {0, 1, 1, 3, 3, 3};
	int line = run->orders     ? pick(run, 3 * (SKUS + 1))
		   : pick(run, 40) ? ++run->last_line
				   : run->last_line - pick(run, RECENT);
	int number = run->orders ? pick(run, run->orders) : line - line % 6 + first_line[line % 6];
	const char *orderid = pick(run, 60) ? arena_printf(world->arena, "order-%d", number) : poison(number);

	return ledger_add(&run->ledger, transport, MSG_ALLOCATE,
			  arena_printf(world->arena, "orderid=%s\nsku=SKU-%d\nqty=%d", orderid,
				       line % (SKUS + 1), 1 + line % 3));
}

/* Returns the fields of an allocate among the last messages, up to `end`; or those of an unknown line. */
static const char *line_of_any(struct run *run, int last, const char *end)
{
	int count = run->ledger.count, from = count > last ? count - last : 0;
	const char *fields = "orderid=unknown\nsku=SKU-0\nqty=1\nid=";

	for (int tries = count ? 20 : 0; tries > 0; tries--) {
		const struct entry *sent = run->ledger.entries[from + pick(run, count - from)];

		if (sent->type != MSG_ALLOCATE || sent->is_anonymous)
			continue;
		fields = sent->payload;
		break;
	}
	return arena_printf(world->arena, "%.*s", (int)(strstr(fields, end) - fields), fields);
}

/* Releases the line of an allocate that was sent before. */
static struct entry *any_release(struct run *run, enum transport transport)
{
	return ledger_add(&run->ledger, transport, pick(run, 2) ? MSG_DEALLOCATE : MSG_SHIP,
			  line_of_any(run, INT_MAX, "\nid="));
}

/* Returns "", or a date that is soon as far ahead as is allowed. */
static const char *date_ahead(struct run *run)
{
	int64_t ahead_us = (AHEAD_MAX_MS + pick(run, 100)) * 1000;
	char date[INSTANT_TEXT_SIZE];

	if (pick(run, 6))
		return "";
	instant_format(database_now(world->database) + ahead_us, date);
	return arena_printf(world->arena, "\noccurred_at=%s", date);
}

/* Cancels the order of an allocate that was sent before, half of the time of a recent one. */
static struct entry *any_cancellation(struct run *run, enum transport transport)
{
	return ledger_add(&run->ledger, transport, MSG_ORDER_CANCELLED,
			  arena_printf(world->arena, "%s%s",
				       line_of_any(run, pick(run, 2) ? RECENT : INT_MAX, "\nsku="),
				       date_ahead(run)));
}

static struct entry *any_change(struct run *run, enum transport transport)
{
	const char *occurred_at = "";

	if (!pick(run, 3))
		occurred_at =
			arena_printf(world->arena, "\noccurred_at=2023-12-%02dT00:00:00Z", 1 + pick(run, 28));
	return ledger_add(&run->ledger, transport, MSG_CHANGE_BATCH_QUANTITY,
			  arena_printf(world->arena, "batchref=%s\nqty=%d%s", any_batch(run, pick(run, SKUS)),
				       pick(run, run->stock + 10), occurred_at));
}

/* The last one is an event. */
#define KINDS 13

static struct entry *any_message(struct run *run, int kinds)
{
	enum transport transport = (enum transport)pick(run, TRANSPORT_HTTP + 1);
	int kind = pick(run, kinds);

	if (kind < 1)
		return any_create(run, transport);
	if (kind == KINDS - 1)
		return any_cancellation(run, transport);
	if (kind >= 10)
		return any_release(run, transport);
	return kind < 8 ? any_allocate(run, transport) : any_change(run, transport);
}

/* ---- what happens ---- */

/* A publisher that knows the SKU adds to its stream, or to the one beside the range if there is a range. */
static int stream_for(struct run *run, const struct entry *entry)
{
	struct envelope message;
	const char *sku;

	ledger_read(entry, &message);
	sku = message_text(&message.message, "sku");
	if (is_divided(0) && sku && pick(run, 4))
		return stream_of_sku(sku);
	return is_divided(0) && sku ? RANGE : pick(run, STREAMS);
}

/* Sends it once more, or for the first time.  An impatient client asks several workers over HTTP. */
static void send_to(struct run *run, struct entry *entry, int worker)
{
	if (entry->transport == TRANSPORT_STREAM)
		ledger_append(entry, stream_for(run, entry));
	else if (entry->transport == TRANSPORT_PUBSUB)
		ledger_publish(entry);
	else
		ledger_deliver(entry, worker);
}

static void send(struct run *run, struct entry *entry)
{
	int worker;

	if (!pick(run, 25)) /* the client is careless */
		ledger_reuse_id(&run->ledger, entry, 1 + pick(run, RECENT));
	worker = pick(run, run->chaos.workers);
	send_to(run, entry, worker);
	for (int i = 0; i < run->chaos.workers && entry->transport == TRANSPORT_HTTP; i++) {
		if (i != worker && !pick(run, 4))
			ledger_deliver(entry, i);
	}
}

static void publish_anonymous(struct run *run)
{
	const char *sku = arena_printf(world->arena, ANONYMOUS_SKU "-%d", pick(run, ANONYMOUS_SKUS));

	ledger_publish(ledger_add_anonymous(&run->ledger, sku));
}

static void send_burst(struct run *run)
{
	for (int count = 1 + pick(run, 12); count > 0; count--) {
		if (pick(run, 6))
			send(run, any_message(run, KINDS));
		else
			publish_anonymous(run);
	}
}

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
static void succeed_worker(struct run *run, int worker)
{
	begin_worker(run, worker);
	for (int i = 0; i < run->ledger.count; i++) {
		if (!ledger_is_answered(run->ledger.entries[i], worker))
			ledger_deliver(run->ledger.entries[i], worker);
	}
}

static void kill_worker(int worker)
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

/*
 * Runs until all work is done.  That takes less than a minute beyond what is queued, except that a process
 * whose worker died waits for the end of its lease, and that notifications may take hours.
 */
static bool is_done(const struct run *run)
{
	if (holder_of_pubsub(run) == run->chaos.workers)
		return false;
	for (int i = 0; i < run->chaos.workers; i++) {
		if (!leased_subscription_is_idle(replicas[i].subscription))
			return false;
	}
	for (int i = 0; i < STREAMS; i++) {
		if (!is_acknowledged(i))
			return false;
	}
	return !database_process_count(world->database);
}

static void come_to_an_end(struct run *run)
{
	int64_t end_ms;

	chaos_end(&run->chaos);
	end_ms = simulation_now_ms(world->simulation) + time_of_queues_ms(run) + MINUTE_MS;
	for (int i = 0; i < run->chaos.workers; i++)
		world_settle(replicas[i].world);
	ck_assert_msg(simulation_now_ms(world->simulation) < end_ms, "the work took too long");
	for (int64_t ms = 0; ms < 2 * PROCESS_LEASE_OF_STREAM * 1000 && !is_done(run); ms += LEFT_MS)
		world_advance_ms(world, LEFT_MS);
	world_advance_ms(world, ACQUAINTED_MS);
	losses_end();
	for (int64_t ms = 0; ms < 3 * HOUR_MS && database_notification_count(world->database);
	     ms += MINUTE_MS)
		world_advance_ms(world, MINUTE_MS);
}

/* The worker leaves in order: its connections are not ended, and it receives nothing any more. */
static void hand_over(int number)
{
	char before[STREAMS][64];

	for (int i = 0; i < STREAMS; i++)
		snprintf(before[i], sizeof before[i], "%s", stream_connections(number, i));
	lease_keeper_stop(replicas[number].keeper);
	world_advance_ms(world, 2000);
	ck_assert(lease_keeper_has_left(replicas[number].keeper));
	for (int i = 0; i < STREAMS; i++) {
		ck_assert_str_eq(stream_connections(number, i), before[i]);
		add_order_to(i, "the last one");
	}
	world_advance_ms(world, 2000);
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
	}
	come_to_an_end(&run);
	ledger_check(&run.ledger, &run.chaos);
	hand_over(0);
	for (int i = 0; i < STREAMS; i++)
		expect_acknowledged(i);
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

SUITE("simulation (the number after the test's name is the seed)", set_up_replicas, tear_down_replicas,
      .timeout_s = 120)
{
	struct seeds seeds = seeds_to_run(0, RUNS);

	tcase_add_loop_test(tests, every_message_has_one_effect_despite_random_failures, seeds.first,
			    seeds.end);
	if (!seeds_are_chosen())
		tcase_add_loop_test(tests, a_seed_repeats_its_run_exactly, seeds.first, seeds.first + TRACED);
}
