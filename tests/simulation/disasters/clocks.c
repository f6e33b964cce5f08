/*
 * The clocks of the database and of Redis step back and forth, while the clocks that do not step, of
 * which the workers make their timeouts, go on.  Whether a message is from the future is decided by the
 * database's clock. A step back lets that wait longer which is due at an instant: a process, or a mail,
 * whose worker died.
 */
#include "simulation/disasters/disaster.h"

#include "simulation/run.h"
#include "simulation/schedule/schedule.h"

#include <inttypes.h>

/*
 * The database's clock is this far ahead or behind at most, and that of Redis, whose stream ids have
 * times, ahead.
 */
#define DATABASE_OFF_MS (15 * MINUTE_MS)
#define REDIS_AHEAD_MS  (3 * HOUR_MS)

/* After the first step, one step of the run in this many has another one. */
#define STEPS_AGAIN 4

/* A worker asks the database for the time at least this often, while it handles messages. */
#define KNOWN_MS 10000

/* A message may be dated this far ahead of the database's clock. */
#define AHEAD_MAX_US (5 * MINUTE_MS * 1000)

/* What is dated from the future now may be rejected, and handled later if it is delivered again. */
static void find_future(const struct ledger *ledger)
{
	for (int i = 0; i < ledger->count; i++) {
		struct envelope message;

		ledger_read(ledger->entries[i], &message);
		if (message.occurred_at > database_now(world->database))
			ledger->entries[i]->was_acceptable = false;
	}
}

static void set_database_clock(struct run *run, int64_t ahead_ms)
{
	struct disaster *disaster = &run->disaster;

	story("the clock of the database is %" PRId64 " ms ahead", ahead_ms);
	database_set_clock(world->database, 1000 * ahead_ms);
	disaster->steps =
		arena_grow(world->arena, disaster->steps, disaster->step_count, sizeof *disaster->steps);
	disaster->steps[disaster->step_count++] =
		(struct clock_step){simulation_now_ms(world->simulation), 1000 * ahead_ms};
	find_future(&run->ledger);
}

static void set_redis_clock(int64_t ahead_ms)
{
	story("the clock of Redis is %" PRId64 " ms ahead", ahead_ms);
	for (int i = 0; i < STREAMS; i++)
		memory_stream_set_clock(shared_streams[i], ahead_ms);
}

static void be_quiet(struct run *run)
{
	world_advance_ms(world, pick(run, 2) ? KNOWN_MS + 1000 : pick(run, 100));
}

void clocks_step(struct run *run)
{
	if (schedule_step() > run->disaster.step && pick(run, STEPS_AGAIN))
		return;
	if (pick(run, 3))
		set_database_clock(run, pick(run, 2 * (int)DATABASE_OFF_MS) - DATABASE_OFF_MS);
	else
		set_redis_clock(pick(run, (int)REDIS_AHEAD_MS));
	be_quiet(run);
	send_burst(run);
}

void clocks_end(struct run *run)
{
	set_database_clock(run, 0);
	set_redis_clock(0);
}

/* ---- what the clock says decides which messages are from the future ---- */

/* How far ahead the clock was at the earliest or latest in that time, as the workers may know. */
struct ahead {
	int64_t least_us, most_us;
};

static void include(struct ahead *ahead, int64_t us)
{
	if (ahead->least_us > us)
		ahead->least_us = us;
	if (ahead->most_us < us)
		ahead->most_us = us;
}

static struct ahead ahead_between(const struct disaster *disaster, int64_t since_ms, int64_t until_ms)
{
	struct ahead ahead = {INT64_MAX, INT64_MIN};
	int64_t before_us = 0;

	for (size_t i = 0; i < disaster->step_count && disaster->steps[i].at_ms <= until_ms; i++) {
		if (disaster->steps[i].at_ms >= since_ms)
			include(&ahead, before_us);
		before_us = disaster->steps[i].ahead_us;
	}
	include(&ahead, before_us);
	return ahead;
}

/* The message came once, over HTTP, so it is known when it was judged. */
static void check_date(const struct disaster *disaster, const struct entry *entry, const struct sent *sent)
{
	int64_t since_ms = entry->sent_at_ms - KNOWN_MS, until_ms = sent->answered_at_ms;
	struct ahead ahead = ahead_between(disaster, since_ms, until_ms);
	int64_t began_us = database_now(world->database) - 1000 * simulation_now_ms(world->simulation);
	struct envelope command;

	ledger_read(entry, &command);
	if (command.occurred_at == NO_INSTANT)
		return;
	expect_that(sent->outcome != OUTCOME_INVALID ||
			    command.occurred_at > began_us + 1000 * since_ms + ahead.least_us + AHEAD_MAX_US,
		    "m-%d was invalid, but it is not from the future", entry->number);
	expect_that(sent->outcome > OUTCOME_SKIPPED ||
			    command.occurred_at <= began_us + 1000 * until_ms + ahead.most_us + AHEAD_MAX_US,
		    "m-%d is from the future, but it was %s", entry->number, outcome_name(sent->outcome));
}

void clocks_check(const struct run *run)
{
	for (int i = 0; i < run->ledger.count; i++) {
		const struct entry *entry = run->ledger.entries[i];

		for (int worker = 0; worker < REPLICAS; worker++) {
			if (entry->sends == 1 && entry->sent[worker])
				check_date(&run->disaster, entry, entry->sent[worker]);
		}
	}
}
