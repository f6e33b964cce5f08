/* Parses and words what the database says about the streams. */
#include "bus/base/stream_plan.h"

#include <string.h>

/* With the comma a program that does not know them sees a list with two ranges, which it refuses. */
static const char *const arrows[] = {[STREAMS_PREPARED] = ", -> ", [STREAMS_AGREED] = ", => "};

bool stream_plan_parse(const char *text, struct stream_plan *plan, struct arena *arena)
{
	*plan = (struct stream_plan){0};
	for (enum stream_step step = STREAMS_PREPARED; step <= STREAMS_AGREED; step++) {
		const char *arrow = strstr(text, arrows[step]);

		if (!arrow)
			continue;
		plan->step = step;
		return stream_list_parse(arena_printf(arena, "%.*s", (int)(arrow - text), text), &plan->from,
					 arena) &&
		       stream_list_parse(arrow + strlen(arrows[step]), &plan->to, arena) &&
		       stream_list_grows(&plan->from, &plan->to);
	}
	if (!stream_list_parse(text, &plan->from, arena))
		return false;
	plan->to = plan->from;
	return true;
}

const char *stream_plan_text(enum stream_step step, const char *from, const char *to, struct arena *arena)
{
	return step == STREAMS_SETTLED ? to : arena_printf(arena, "%s%s%s", from, arrows[step], to);
}

bool stream_plan_admits(const struct stream_plan *plan, const char *list)
{
	return !strcmp(list, plan->to.text) ||
	       (plan->step == STREAMS_PREPARED && !strcmp(list, plan->from.text));
}

bool stream_plan_is_to_come(const struct stream_plan *plan, const char *name)
{
	return plan->step != STREAMS_SETTLED && stream_list_has(&plan->to, name) &&
	       !stream_list_has(&plan->from, name);
}
