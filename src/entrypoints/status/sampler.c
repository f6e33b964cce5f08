/* Samples the status of the worker, and logs its troubles. */
#include "entrypoints/status/sampler.h"

#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/status/recent.h"
#include "entrypoints/troubles/cause.h"
#include "entrypoints/troubles/trouble_log.h"

#include <stdlib.h>
#include <string.h>

#define UNHEARD_MINUTES 10

/* What the last read of the database showed. */
struct reading {
	bool is_under_way, has_failed;
	int64_t asked_ms, failed_ms; /* when it was asked; when the first of several failures was noticed */
	char error[FAILURE_TEXT_SIZE];
	int64_t asked_us; /* by this machine's clock, in microseconds since 1970 */
	int64_t skew_us;  /* of the database's clock */
	int64_t breaches, view_breaches;
};

struct sampler {
	struct clock *clock;
	struct logger *logger;
	struct timer *timer;
	struct arena *arena; /* of a sample */

	sampler_awaited *awaited;
	void *awaited_context;
	struct views *views; /* NULL: the worker is not started */
	sampler_observe *observe;
	void *observe_context;
	bool is_stopping;

	struct reading reading;
	struct recent dead_letters, lost, unheard;
	struct causes causes; /* of dead letters */
	uint64_t lost_by_input[STATUS_INPUTS_MAX];
	size_t last_loser; /* the input whose count rose last */
	struct trouble_log log;
	struct status status;
	struct series series;
	bool has_sample;
	int64_t sampled_ms;
	int64_t second_ms; /* when rates were measured last, from these counts: */
	uint64_t messages, published, units;
};

static int64_t now_ms(const struct sampler *sampler)
{
	return sampler->clock->ops->now_ms(sampler->clock);
}

/* ---- whether the database answers reads, and what time it has ---- */

/* The database read its clock at some moment between question and answer. */
static int64_t skew(int64_t asked_us, int64_t database_us, int64_t answered_us)
{
	if (database_us < asked_us)
		return database_us - asked_us;
	return database_us > answered_us ? database_us - answered_us : 0;
}

static void on_read(void *context, const struct database_health *health, const struct failure *failure)
{
	struct sampler *sampler = context;
	struct reading *reading = &sampler->reading;

	reading->is_under_way = false;
	reading->skew_us =
		health->now_us == NO_INSTANT ? 0 : skew(reading->asked_us, health->now_us, wall_clock_us());
	if (failure) {
		utf8_format(reading->error, sizeof reading->error, "%s", failure->text);
		if (!reading->has_failed)
			reading->failed_ms = now_ms(sampler);
	} else {
		reading->breaches = health->breaches;
		reading->view_breaches = health->view_breaches;
	}
	reading->has_failed = failure;
}

static void ask_database(struct sampler *sampler)
{
	if (!sampler->views || sampler->reading.is_under_way)
		return;
	sampler->reading.is_under_way = true;
	sampler->reading.asked_ms = now_ms(sampler);
	sampler->reading.asked_us = wall_clock_us();
	sampler->views->ops->ping(sampler->views, on_read, sampler);
}

static struct report report_reading(const struct sampler *sampler)
{
	const struct reading *reading = &sampler->reading;
	int64_t now = now_ms(sampler);

	if (reading->has_failed)
		return (struct report){true, reading->error, now - reading->failed_ms};
	return (struct report){reading->is_under_way && now - reading->asked_ms >= SAMPLE_READ_MS, "",
			       now - reading->asked_ms};
}

/* ---- a sample ---- */

static void note_awaited(struct sampler *sampler)
{
	enum awaited_service service = AWAITS_NO_SERVICE;
	const char *text =
		sampler->awaited ? sampler->awaited(sampler->awaited_context, sampler->arena, &service) : "";
	struct cause cause = {.code = TROUBLE_CODES};

	utf8_format(sampler->status.awaited, sizeof sampler->status.awaited, "%s", text);
	if (service == AWAITS_DATABASE)
		cause = cause_of_database(text);
	else if (service == AWAITS_REDIS)
		cause = cause_of_redis(text, TROUBLE_REDIS_UNREACHABLE);
	if (cause.code != TROUBLE_CODES)
		trouble_list_note(&sampler->status.troubles, cause.code, wall_clock_us(), cause.advice, "%s",
				  text);
}

static void count_rises(struct sampler *sampler, const struct observation *it, struct rises *rises)
{
	uint64_t lost = 0;
	int64_t now = now_ms(sampler);

	for (size_t i = 0; i < it->input_count; i++) {
		lost += it->inputs[i].lost;
		if (it->inputs[i].lost > sampler->lost_by_input[i])
			sampler->last_loser = i;
		sampler->lost_by_input[i] = it->inputs[i].lost;
	}
	rises->lost_by = sampler->last_loser < it->input_count ? it->inputs[sampler->last_loser].name : "";
	if (it->dead_letters.kept >= 0)
		recent_count(&sampler->dead_letters, it->dead_letters.kept + it->dead_letters.dropped, now);
	if (it->by_message)
		causes_count(&sampler->causes, it->by_message, now);
	recent_count(&sampler->lost, (int64_t)lost, now);
	recent_count(&sampler->unheard, (int64_t)(it->outputs.unheard - it->unheard_expected), now);
	rises->dead_letters = recent_rise(&sampler->dead_letters, RECENT_MINUTES);
	rises->cause =
		rises->dead_letters ? causes_most_frequent(&sampler->causes) : (struct frequent_cause){0};
	rises->lost = recent_rise(&sampler->lost, RECENT_MINUTES);
	rises->unheard = recent_rise(&sampler->unheard, UNHEARD_MINUTES);
}

/* Copies what needs no judgement, and keeps what the sampler itself measures. */
static void copy(struct status *status, const struct observation *it, const struct rises *rises)
{
	struct status_doing measured = status->doing;
	double events_per_s = status->outputs.events_per_s;

	status->doing = it->doing;
	status->doing.messages_per_s = measured.messages_per_s;
	status->doing.last_commit_us = measured.last_commit_us;
	status->doing.p50_ms = measured.p50_ms;
	status->doing.p99_ms = measured.p99_ms;
	status->outputs = it->outputs;
	status->outputs.events_per_s = events_per_s;
	status->dead_letters = it->dead_letters;
	status->dead_letters.last_hour = rises->dead_letters;
	status->input_count = it->input_count;
	for (size_t i = 0; i < it->input_count; i++)
		status->inputs[i] = it->inputs[i];
	if (!it->replicas)
		return;
	status->replica_count = it->replica_count;
	memcpy(status->replicas, it->replicas, it->replica_count * sizeof *it->replicas);
}

static void observe(struct sampler *sampler)
{
	struct observation observation = {0};
	struct rises rises;

	sampler->observe(sampler->observe_context, &observation, sampler->arena);
	observation.reads = report_reading(sampler);
	observation.skew_us = sampler->reading.skew_us;
	observation.breaches = sampler->reading.breaches;
	observation.view_breaches = sampler->reading.view_breaches;
	count_rises(sampler, &observation, &rises);
	status_judge(&observation, &rises, sampler->status.at_us, &sampler->status.troubles);
	copy(&sampler->status, &observation, &rises);
}

static enum status_state state_of(const struct sampler *sampler)
{
	if (sampler->is_stopping)
		return STATE_STOPPING;
	if (!sampler->views)
		return STATE_STARTING;
	if (trouble_list_has(&sampler->status.troubles, TROUBLE_STOP))
		return STATE_NOT_READY;
	return trouble_list_has(&sampler->status.troubles, TROUBLE_HARM) ? STATE_DEGRADED : STATE_HEALTHY;
}

static void sample(struct sampler *sampler)
{
	struct status *status = &sampler->status;
	enum status_state state;

	arena_clear(sampler->arena);
	status->at_us = wall_clock_us();
	status->awaited[0] = '\0';
	trouble_list_begin(&status->troubles);
	if (sampler->views)
		observe(sampler);
	else
		note_awaited(sampler);
	trouble_list_end(&status->troubles);
	state = state_of(sampler);
	if (!sampler->has_sample || state != status->state)
		status->since_us = status->at_us;
	status->state = state;
	sampler->has_sample = true;
	sampler->sampled_ms = now_ms(sampler);
}

/* Since the last second. */
static void measure_rates(struct sampler *sampler)
{
	struct status *status = &sampler->status;
	double seconds = (double)(now_ms(sampler) - sampler->second_ms) / 1000;

	if (sampler->second_ms && seconds > 0) {
		status->doing.messages_per_s = (double)(status->doing.messages - sampler->messages) / seconds;
		status->outputs.events_per_s =
			(double)(status->outputs.published - sampler->published) / seconds;
	}
	if (status->doing.units != sampler->units)
		status->doing.last_commit_us = status->at_us;
	sampler->second_ms = now_ms(sampler);
	sampler->messages = status->doing.messages;
	sampler->published = status->outputs.published;
	sampler->units = status->doing.units;
}

/* What the worker waits for at its start, and what remains when it stops, is logged there. */
static void on_second(void *context)
{
	struct sampler *sampler = context;

	ask_database(sampler);
	sample(sampler);
	measure_rates(sampler);
	if (sampler->views)
		series_add(&sampler->series, &sampler->status);
	if (sampler->views && !sampler->is_stopping)
		trouble_log_update(&sampler->log, &sampler->status.troubles, sampler->logger, now_ms(sampler),
				   sampler->status.at_us);
	sampler->clock->ops->timer_set(sampler->timer, SAMPLE_MS);
}

/* ---- its life ---- */

struct sampler *sampler_new(struct clock *clock, struct logger *logger, const char *name)
{
	struct sampler *sampler = must_alloc(sizeof *sampler);

	sampler->clock = clock;
	sampler->logger = logger;
	sampler->arena = arena_new(4096);
	utf8_format(sampler->status.name, sizeof sampler->status.name, "%s", name);
	sampler->status.dead_letters = (struct status_dead_letters){.kept = -1, .dropped = -1};
	sampler->status.doing.p50_ms = sampler->status.doing.p99_ms = -1;
	sampler->timer = clock->ops->timer_new(clock, on_second, sampler);
	clock->ops->timer_set(sampler->timer, 0);
	return sampler;
}

void sampler_free(struct sampler **place)
{
	struct sampler *sampler = *place;

	if (!sampler)
		return;
	sampler->clock->ops->timer_free(&sampler->timer);
	arena_free(&sampler->arena);
	free(sampler);
	*place = NULL;
}

void sampler_await(struct sampler *sampler, sampler_awaited *awaited, void *context)
{
	sampler->awaited = awaited;
	sampler->awaited_context = context;
}

void sampler_start(struct sampler *sampler, struct views *views, sampler_observe *observe_worker,
		   void *context)
{
	sampler->views = views;
	sampler->observe = observe_worker;
	sampler->observe_context = context;
	sample(sampler);
}

void sampler_allow_admin_writes(struct sampler *sampler, bool are_allowed)
{
	sampler->status.admin_writes = are_allowed;
}

void sampler_stop(struct sampler *sampler)
{
	sampler->is_stopping = true;
	sample(sampler);
}

const struct series *sampler_series(const struct sampler *sampler)
{
	return &sampler->series;
}

static bool is_awaited(const struct sampler *sampler)
{
	return sampler->status.state == STATE_STARTING || sampler->status.state == STATE_NOT_READY;
}

const struct status *sampler_status(struct sampler *sampler)
{
	int64_t fresh_ms = is_awaited(sampler) ? 1 : SAMPLE_FRESH_MS;

	if (!sampler->has_sample || now_ms(sampler) - sampler->sampled_ms >= fresh_ms)
		sample(sampler);
	return &sampler->status;
}
