/* What a status says in words. */
#include "entrypoints/status/status.h"

#include "core/base/calendar.h"

const char *status_state_name(enum status_state state)
{
	static const char *const names[] = {
		[STATE_STARTING] = "starting",   [STATE_HEALTHY] = "healthy",   [STATE_DEGRADED] = "degraded",
		[STATE_NOT_READY] = "not_ready", [STATE_STOPPING] = "stopping",
	};

	return names[state];
}

/* Whether the trouble keeps the worker from being ready. */
static bool stops(const struct status *status, int code, enum readiness readiness)
{
	const struct trouble_kind *kind = &trouble_kinds[code];

	return status->troubles.by_code[code].is_open && kind->severity == TROUBLE_STOP &&
	       (readiness == READY_FOR_ALL || kind->stops_http);
}

bool status_is_ready(const struct status *status, enum readiness readiness)
{
	if (status->state == STATE_STARTING || status->state == STATE_STOPPING)
		return false;
	for (int code = 0; code < TROUBLE_CODES; code++) {
		if (stops(status, code, readiness))
			return false;
	}
	return true;
}

const char *trouble_line(const struct trouble *trouble, struct arena *arena)
{
	char since[INSTANT_TEXT_SIZE];

	instant_format(trouble->since_us, since);
	return arena_printf(arena, "%s, since %s: %s", trouble->text, since, trouble->advice);
}

const char *status_reason(const struct status *status, enum readiness readiness, struct arena *arena,
			  int64_t *since_us)
{
	const char *text = status->state == STATE_STOPPING ? "stopping" : "";

	*since_us = status->since_us;
	if (status->state == STATE_STARTING)
		return arena_printf(arena, "starting%s%s", *status->awaited ? ", " : "", status->awaited);
	for (int code = 0; code < TROUBLE_CODES; code++) {
		const struct trouble *trouble = &status->troubles.by_code[code];

		if (!stops(status, code, readiness))
			continue;
		text = arena_printf(arena, "%s%s%s", text, *text ? "; " : "", trouble_line(trouble, arena));
		if (trouble->since_us < *since_us)
			*since_us = trouble->since_us;
	}
	return text;
}

const char *status_database_trouble(const struct status *status, struct arena *arena)
{
	for (int code = 0; code < TROUBLE_CODES; code++) {
		if (trouble_kinds[code].stops_http && status->troubles.by_code[code].is_open)
			return trouble_line(&status->troubles.by_code[code], arena);
	}
	return "";
}
