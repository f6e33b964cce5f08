/* Whether the engine makes progress, for the readiness check. */
#include "bus/engine/engine_internal.h"
#include "bus/engine/sku_resolver.h"
#include "bus/lane/lane.h"

/* SKUs that are parked for less may be free in a moment. */
#define PARKED_LATE_MS 10000

/* ---- what the parts report ---- */

static bool is_failing(const struct engine *engine)
{
	for (size_t i = 0; i < engine->config.lanes; i++) {
		if (engine->lane_watches[i].failures && !lane_is_idle(engine->lanes[i]))
			return true;
	}
	return engine->probe_watch.failures;
}

void engine_database_answers(struct engine *engine)
{
	if (!is_failing(engine))
		engine_database_is(engine, true);
}

void engine_lane_began(struct engine *engine, size_t lane)
{
	progress_watch_begin(&engine->lane_watches[lane], engine_now_ms(engine));
}

void engine_lane_failed(struct engine *engine, size_t lane, const struct failure *failure)
{
	struct progress_watch *watch = &engine->lane_watches[lane];

	if (failure->kind == FAILURE_FATAL || failure->kind == FAILURE_CONFLICT)
		progress_watch_gave_up(watch, engine_now_ms(engine), failure->text);
	else
		progress_watch_failed(watch, engine_now_ms(engine), failure->text);
	if (failure->kind != FAILURE_CONFLICT)
		engine_database_is(engine, false);
}

void engine_lane_committed(struct engine *engine, size_t lane)
{
	progress_watch_done(&engine->lane_watches[lane]);
	engine->committed_ms = engine_now_ms(engine);
	if (engine->probe_watch.failures)
		progress_watch_done(&engine->probe_watch);
}

void engine_lane_parked(struct engine *engine, size_t lane)
{
	progress_watch_done(&engine->lane_watches[lane]);
}

void engine_lane_waits_anew(struct engine *engine, size_t lane)
{
	progress_watch_done(&engine->lane_watches[lane]);
	engine_lane_began(engine, lane);
}

/* After a successful probe all failed parts retry at once, because their delays may have grown long. */
void engine_probed(struct engine *engine, const struct failure *failure)
{
	if (failure) {
		progress_watch_failed(&engine->probe_watch, engine_now_ms(engine), failure->text);
		engine_database_is(engine, false);
		return;
	}
	progress_watch_done(&engine->probe_watch);
	for (size_t i = 0; i < engine->config.lanes; i++)
		lane_retry_now(engine->lanes[i]);
	sku_resolver_retry_now(engine->resolver);
	publisher_retry_now(engine->publisher);
	engine_database_answers(engine);
}

/* ---- what the readiness check asks ---- */

static bool worse(const struct engine *engine, const struct progress_watch *watch, int64_t patience_ms,
		  struct engine_trouble *trouble)
{
	int64_t now_ms = engine_now_ms(engine), since_ms;
	const char *text;

	if (!progress_watch_is_in_trouble(watch, now_ms, patience_ms, &since_ms, &text))
		return false;
	if (now_ms - since_ms >= trouble->for_ms)
		*trouble = (struct engine_trouble){text, now_ms - since_ms};
	return true;
}

/*
 * Whether the lane cannot commit events because the broker does not answer what was published.  A restored
 * database is a trouble of its own.
 */
static bool is_uncompared(const struct engine *engine, const struct lane *lane)
{
	return lane_is_comparing(lane) && !engine->stats.restored && !engine->stats.broker_takes;
}

/* Why parked SKUs wait. */
static const char *parking_complaint(const struct engine *engine)
{
	const struct lane *parking = engine->shared.parking;

	return is_uncompared(engine, parking) ? ENGINE_UNCOMPARED : lane_complaint(parking);
}

/*
 * If one SKU is parked, that SKU is in trouble.  If several are parked and nothing is committed meanwhile,
 * the database is in trouble, although it accepts an empty unit.
 */
static bool all_are_parked(const struct engine *engine, struct engine_trouble *trouble)
{
	int64_t now_ms = engine_now_ms(engine), idle_ms = now_ms - engine->committed_ms;
	size_t old = 0;

	if (idle_ms < PARKED_LATE_MS)
		return false;
	for (const struct parked *it = parked_first(&engine->shared.parked); it; it = parked_next(it))
		old += now_ms - it->since_ms >= PARKED_LATE_MS;
	if (old < 2)
		return false;
	if (idle_ms >= trouble->for_ms)
		*trouble = (struct engine_trouble){parking_complaint(engine), idle_ms};
	return true;
}

static bool lanes_are_uncompared(const struct engine *engine, struct engine_trouble *trouble)
{
	bool is_bad = false;

	for (size_t i = 0; i < engine->config.lanes; i++) {
		if (is_uncompared(engine, engine->lanes[i]))
			is_bad |= worse(engine, &engine->lane_watches[i], PROGRESS_WATCH_EVENTS_MS, trouble);
	}
	if (is_bad)
		trouble->text = ENGINE_UNCOMPARED;
	return is_bad;
}

bool engine_database_trouble(const struct engine *engine, struct engine_trouble *trouble)
{
	bool is_bad = false;

	*trouble = (struct engine_trouble){"", 0};
	for (size_t i = 0; i < engine->config.lanes; i++) {
		if (!lane_is_idle(engine->lanes[i]) && !lane_is_comparing(engine->lanes[i]))
			is_bad |=
				worse(engine, &engine->lane_watches[i], PROGRESS_WATCH_DATABASE_MS, trouble);
	}
	is_bad |= all_are_parked(engine, trouble);
	is_bad |= worse(engine, &engine->intake_watch, PROGRESS_WATCH_DATABASE_MS, trouble);
	is_bad |= worse(engine, &engine->probe_watch, PROGRESS_WATCH_DATABASE_MS, trouble);
	is_bad |= worse(engine, publisher_database_watch(engine->publisher), PROGRESS_WATCH_DATABASE_MS,
			trouble);
	return is_bad || lanes_are_uncompared(engine, trouble);
}

bool engine_parked_trouble(const struct engine *engine, struct engine_trouble *trouble)
{
	int64_t now_ms = engine_now_ms(engine), longest_ms = 0;

	*trouble = (struct engine_trouble){"", 0};
	if (!engine->shared.parking)
		return false;
	for (const struct parked *it = parked_first(&engine->shared.parked); it; it = parked_next(it))
		longest_ms = now_ms - it->since_ms > longest_ms ? now_ms - it->since_ms : longest_ms;
	*trouble = (struct engine_trouble){parking_complaint(engine), longest_ms};
	return longest_ms >= PARKED_LATE_MS;
}

bool engine_events_trouble(const struct engine *engine, struct engine_trouble *trouble)
{
	*trouble = (struct engine_trouble){"", 0};
	return worse(engine, publisher_events_watch(engine->publisher), PROGRESS_WATCH_EVENTS_MS, trouble);
}
