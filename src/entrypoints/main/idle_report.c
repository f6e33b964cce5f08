/* Waits for the worker to be idle, as long as somebody wants to know. */
#include "entrypoints/main/idle_report.h"

#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY_MS 5

struct token {
	char text[QUIET_TOKEN_MAX];
	size_t size;
};

struct idle_report {
	struct clock *clock;
	struct idle_report_worker worker;
	struct timer *look;
	struct token tokens[QUIET_MAX]; /* oldest first */
	size_t count;
};

static void look(void *context)
{
	struct idle_report *quiet = context;

	if (!quiet->worker.is_idle(quiet->worker.context)) {
		quiet->clock->ops->timer_set(quiet->look, LOOK_EVERY_MS);
		return;
	}
	for (size_t i = 0; i < quiet->count; i++)
		quiet->worker.answer(quiet->worker.context,
				     (struct bytes){quiet->tokens[i].text, quiet->tokens[i].size});
	quiet->count = 0;
}

struct idle_report *idle_report_new(struct clock *clock, const struct idle_report_worker *worker)
{
	struct idle_report *quiet = must_alloc(sizeof *quiet);

	quiet->clock = clock;
	quiet->worker = *worker;
	quiet->look = clock->ops->timer_new(clock, look, quiet);
	return quiet;
}

void idle_report_free(struct idle_report **quiet)
{
	if (!*quiet)
		return;
	(*quiet)->clock->ops->timer_free(&(*quiet)->look);
	free(*quiet);
	*quiet = NULL;
}

static struct token *place_for_token(struct idle_report *quiet)
{
	if (quiet->count == QUIET_MAX)
		memmove(quiet->tokens, quiet->tokens + 1, --quiet->count * sizeof quiet->tokens[0]);
	return &quiet->tokens[quiet->count++];
}

void idle_report_ask(struct idle_report *quiet, struct bytes token)
{
	struct token *place;

	if (!token.size || token.size > QUIET_TOKEN_MAX)
		return;
	place = place_for_token(quiet);
	place->size = token.size;
	memcpy(place->text, token.data, token.size);
	quiet->clock->ops->timer_set(quiet->look, 0);
}
