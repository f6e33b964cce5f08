/* Polls the worker while a token waits for an answer, and answers once the worker is idle. */
#include "entrypoints/main/idle_report.h"

#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

#define POLL_MS 5

struct token {
	char text[IDLE_TOKEN_MAX];
	size_t size;
};

struct idle_report {
	struct clock *clock;
	struct idle_report_worker worker;
	struct timer *poll;
	struct token tokens[IDLE_TOKENS_MAX]; /* oldest first */
	size_t count;
};

static void poll(void *context)
{
	struct idle_report *report = context;

	if (!report->worker.is_idle(report->worker.context)) {
		report->clock->ops->timer_set(report->poll, POLL_MS);
		return;
	}
	for (size_t i = 0; i < report->count; i++)
		report->worker.answer(report->worker.context,
				      (struct bytes){report->tokens[i].text, report->tokens[i].size});
	report->count = 0;
}

struct idle_report *idle_report_new(struct clock *clock, const struct idle_report_worker *worker)
{
	struct idle_report *report = must_alloc(sizeof *report);

	report->clock = clock;
	report->worker = *worker;
	report->poll = clock->ops->timer_new(clock, poll, report);
	return report;
}

void idle_report_free(struct idle_report **report)
{
	if (!*report)
		return;
	(*report)->clock->ops->timer_free(&(*report)->poll);
	free(*report);
	*report = NULL;
}

static struct token *new_token(struct idle_report *report)
{
	if (report->count == IDLE_TOKENS_MAX)
		memmove(report->tokens, report->tokens + 1, --report->count * sizeof report->tokens[0]);
	return &report->tokens[report->count++];
}

void idle_report_ask(struct idle_report *report, struct bytes token)
{
	struct token *kept;

	if (!token.size || token.size > IDLE_TOKEN_MAX)
		return;
	kept = new_token(report);
	kept->size = token.size;
	memcpy(kept->text, token.data, token.size);
	report->clock->ops->timer_set(report->poll, 0);
}
