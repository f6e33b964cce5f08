/* The gaps that are not saved yet, and the one call to the checkpoints that is under way. */
#include "bus/intake/subscription_gaps.h"

#include "bus/base/backoff.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* How many gaps one call saves; twice as many are kept. */
#define WINDOWS_AT_ONCE 50
#define WINDOWS_MAX     ((size_t)2 * WINDOWS_AT_ONCE)

/* How often the worker saves that it receives commands. */
#define NOTE_EVERY_MS 5000

#define CAUSE_SIZE 512

struct subscription_gaps {
	struct checkpoints *checkpoints;
	struct clock *clock;
	struct random *random;
	struct logger *logger;
	struct timer *timer; /* for the next call */

	struct subscription_gap
		windows[WINDOWS_MAX]; /* gaps not known to be saved; their causes are copies */
	size_t count;
	size_t noting; /* how many of the first ones the call under way saves */
	bool is_noting;
	bool is_subscribed;
	bool is_open; /* a gap lasts: it is saved, too */
	struct subscription_gap open;
	int64_t opened_ms;
	char cause[CAUSE_SIZE];
	struct backoff backoff;
};

static void note(void *context);

struct subscription_gaps *subscription_gaps_new(struct checkpoints *checkpoints, struct clock *clock,
						struct random *random, struct logger *logger)
{
	struct subscription_gaps *gaps = must_alloc(sizeof *gaps);

	gaps->checkpoints = checkpoints;
	gaps->clock = clock;
	gaps->random = random;
	gaps->logger = logger;
	gaps->backoff = (struct backoff){.first_ms = 100, .cap_ms = 5000};
	gaps->timer = clock->ops->timer_new(clock, note, gaps);
	return gaps;
}

/* Removes `count` gaps after the first `from` ones. */
static void drop(struct subscription_gaps *gaps, size_t from, size_t count)
{
	struct subscription_gap *windows = gaps->windows + from;

	for (size_t i = 0; i < count; i++)
		free((void *)(uintptr_t)windows[i].cause);
	gaps->count -= count;
	memmove(windows, windows + count, (gaps->count - from) * sizeof *windows);
}

void subscription_gaps_free(struct subscription_gaps **gaps)
{
	struct subscription_gaps *it = *gaps;

	if (!it)
		return;
	drop(it, 0, it->count);
	it->clock->ops->timer_free(&it->timer);
	free(it);
	*gaps = NULL;
}

static void note_in(struct subscription_gaps *gaps, int64_t delay_ms)
{
	if (!gaps->is_noting)
		gaps->clock->ops->timer_set(gaps->timer, delay_ms);
}

/* Merges the two gaps in the middle, which no call under way saves. */
static void merge(struct subscription_gaps *gaps)
{
	struct subscription_gap *first = &gaps->windows[WINDOWS_AT_ONCE];

	first->until = first[1].until;
	drop(gaps, WINDOWS_AT_ONCE + 1, 1);
}

void subscription_gaps_end(struct subscription_gaps *gaps, const struct subscription_gap *window)
{
	struct subscription_gap *copy;

	if (gaps->count == WINDOWS_MAX)
		merge(gaps);
	copy = &gaps->windows[gaps->count++];
	*copy = *window;
	copy->cause = must(strdup(window->cause));
	gaps->is_subscribed = true;
	gaps->is_open = false;
	note_in(gaps, 0);
}

static int64_t now_ms(const struct subscription_gaps *gaps)
{
	return gaps->clock->ops->now_ms(gaps->clock);
}

void subscription_gaps_begin(struct subscription_gaps *gaps, int64_t since, const char *cause)
{
	gaps->is_subscribed = false;
	gaps->is_open = true;
	gaps->opened_ms = now_ms(gaps);
	utf8_format(gaps->cause, sizeof gaps->cause, "%s", cause);
	gaps->open = (struct subscription_gap){since, since, gaps->cause, false};
	note_in(gaps, 0);
}

static int64_t retry_later(struct subscription_gaps *gaps, const char *error)
{
	if (!gaps->backoff.failures)
		LOG(gaps->logger, LOG_WARN, "cannot record blind windows in the database, will try again",
		    LOG_TROUBLE(LOG_DATABASE), LOG_NUMBER("windows", gaps->count), LOG_TEXT("error", error));
	return backoff_next(&gaps->backoff, gaps->random);
}

static void on_noted(void *context, const struct failure *failure)
{
	struct subscription_gaps *gaps = context;

	gaps->is_noting = false;
	if (failure) {
		note_in(gaps, retry_later(gaps, failure->text));
		return;
	}
	gaps->backoff.failures = 0;
	drop(gaps, 0, gaps->noting);
	note_in(gaps, gaps->count ? 0 : NOTE_EVERY_MS);
}

/* Gaps that are over are saved first, and the open one when there is room. */
static size_t windows_to_note(struct subscription_gaps *gaps,
			      struct subscription_gap windows[WINDOWS_AT_ONCE])
{
	size_t count = gaps->count < WINDOWS_AT_ONCE ? gaps->count : WINDOWS_AT_ONCE;

	gaps->noting = count;
	memcpy(windows, gaps->windows, count * sizeof *windows);
	if (gaps->is_open && count < WINDOWS_AT_ONCE) {
		gaps->open.until = gaps->open.since + 1000 * (now_ms(gaps) - gaps->opened_ms);
		windows[count++] = gaps->open;
	}
	return count;
}

static void note(void *context)
{
	struct subscription_gaps *gaps = context;
	struct checkpoints *checkpoints = gaps->checkpoints;
	struct subscription_gap windows[WINDOWS_AT_ONCE];

	/* Before the first gap's end there is nothing to save. */
	if (!gaps->count && !gaps->is_subscribed && !gaps->is_open)
		return;
	gaps->is_noting = true;
	checkpoints->ops->note_blindness(checkpoints, windows, windows_to_note(gaps, windows),
					 gaps->is_subscribed, on_noted, gaps);
}
