/* Keeps figures over time. */
#include "entrypoints/status/series.h"

#include "core/base/must.h"

#include <string.h>

static float quantile_ms(const struct histogram *before, const struct histogram *now, double share)
{
	double us = histogram_quantile(before, now, &histogram_durations, share);

	return us < 0 ? -1 : (float)(us / 1000);
}

static float larger(float one, float other)
{
	return one > other ? one : other;
}

static void end_minute(struct series *series, const struct status *status)
{
	struct series_point *minute = &series->minute;

	minute->at_us = status->at_us;
	minute->handled /= (float)series->minute_seconds;
	minute->events /= (float)series->minute_seconds;
	minute->p50_ms = quantile_ms(&series->duration, &status->doing.duration, 0.5);
	minute->p99_ms = quantile_ms(&series->duration, &status->doing.duration, 0.99);
	series->minutes[series->minute_count++ % SERIES_MINUTES] = *minute;
	*minute = (struct series_point){.at_us = 0};
	series->minute_seconds = 0;
	series->duration = status->doing.duration;
}

static void add_to_minute(struct series *series, const struct series_point *second)
{
	struct series_point *minute = &series->minute;

	minute->handled += second->handled;
	minute->events += second->events;
	minute->waiting = larger(minute->waiting, second->waiting);
	minute->unpublished = larger(minute->unpublished, second->unpublished);
	minute->dead_letters = second->dead_letters;
	series->minute_seconds++;
}

void series_add(struct series *series, struct status *status)
{
	struct status_doing *doing = &status->doing;
	struct histogram *oldest = &series->durations[series->second_count % SERIES_WINDOW];
	struct series_point second;

	doing->p50_ms = quantile_ms(oldest, &doing->duration, 0.5);
	doing->p99_ms = quantile_ms(oldest, &doing->duration, 0.99);
	*oldest = doing->duration;
	second = (struct series_point){
		.at_us = status->at_us,
		.handled = (float)doing->messages_per_s,
		.events = (float)status->outputs.events_per_s,
		.waiting = (float)doing->waiting,
		.unpublished = (float)status->outputs.unpublished,
		.dead_letters = (float)status->dead_letters.kept,
		.p50_ms = (float)doing->p50_ms,
		.p99_ms = (float)doing->p99_ms,
	};
	series->seconds[series->second_count++ % SERIES_SECONDS] = second;
	add_to_minute(series, &second);
	if (series->minute_seconds == 60)
		end_minute(series, status);
}

/* ---- as JSON ---- */

static json_t *known(float value, double scale)
{
	return value < 0 ? json_null()
			 : must(json_real((double)(int64_t)((double)value * scale + 0.5) / scale));
}

/* In the order of `names`. */
static json_t *point_json(const struct series_point *point)
{
	return must(json_pack("[I, o, o, o, o, o, o, o]", (json_int_t)(point->at_us / 1000),
			      known(point->handled, 10), known(point->events, 10), known(point->waiting, 1),
			      known(point->unpublished, 1), known(point->dead_letters, 1),
			      known(point->p50_ms, 100), known(point->p99_ms, 100)));
}

json_t *series_json(const struct series *series, bool of_minutes)
{
	static const char *const names[] = {"at_ms",       "handled", "events", "waiting",
					    "unpublished", "letters", "p50",    "p99"};
	const struct series_point *points = of_minutes ? series->minutes : series->seconds;
	size_t count = of_minutes ? series->minute_count : series->second_count,
	       room = of_minutes ? SERIES_MINUTES : SERIES_SECONDS;
	json_t *columns = must(json_array()), *rows = must(json_array());

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		json_array_append_new(columns, must(json_string(names[i])));
	for (size_t i = count > room ? count - room : 0; i < count; i++)
		json_array_append_new(rows, point_json(&points[i % room]));
	return must(json_pack("{s:i, s:o, s:o}", "step_s", of_minutes ? 60 : 1, "columns", columns, "points",
			      rows));
}
