/* The windows that are not written down yet, and the one call to the logbook that is under way. */
#include "bus/intake/subscription_gaps.h"

#include "bus/base/backoff.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* So many windows are written at once; twice as many are kept. */
#define WINDOWS_AT_ONCE 50
#define WINDOWS_MAX     ((size_t)2 * WINDOWS_AT_ONCE)

/* How often it is noted that commands are heard. */
#define NOTE_EVERY_MS 5000

#define CAUSE_SIZE 512

struct blindness {
	struct logbook *logbook;
	struct clock *clock;
	struct random *random;
	struct logger *logger;
	struct timer *timer; /* for the next note */

	struct blind_window windows[WINDOWS_MAX]; /* not known to be written; their causes are copies */
	size_t count;
	size_t noting; /* the logbook is told the first ones */
	bool is_noting;
	bool is_heard;
	bool is_open; /* a window lasts: it is written down, too */
	struct blind_window open;
	int64_t opened_ms;
	char cause[CAUSE_SIZE];
	struct backoff backoff;
};

static void note(void *context);

struct blindness *blindness_new(struct logbook *logbook, struct clock *clock, struct random *random,
				struct logger *logger)
{
	struct blindness *blindness = must_alloc(sizeof *blindness);

	blindness->logbook = logbook;
	blindness->clock = clock;
	blindness->random = random;
	blindness->logger = logger;
	blindness->backoff = (struct backoff){.first_ms = 100, .cap_ms = 5000};
	blindness->timer = clock->ops->timer_new(clock, note, blindness);
	return blindness;
}

/* The first `count` windows go, after the first `from`. */
static void drop(struct blindness *blindness, size_t from, size_t count)
{
	struct blind_window *windows = blindness->windows + from;

	for (size_t i = 0; i < count; i++)
		free((void *)(uintptr_t)windows[i].cause);
	blindness->count -= count;
	memmove(windows, windows + count, (blindness->count - from) * sizeof *windows);
}

void blindness_free(struct blindness **blindness)
{
	struct blindness *it = *blindness;

	if (!it)
		return;
	drop(it, 0, it->count);
	it->clock->ops->timer_free(&it->timer);
	free(it);
	*blindness = NULL;
}

static void note_in(struct blindness *blindness, int64_t delay_ms)
{
	if (!blindness->is_noting)
		blindness->clock->ops->timer_set(blindness->timer, delay_ms);
}

/* The two in the middle become one; the logbook is not being told of them. */
static void merge(struct blindness *blindness)
{
	struct blind_window *first = &blindness->windows[WINDOWS_AT_ONCE];

	first->until = first[1].until;
	drop(blindness, WINDOWS_AT_ONCE + 1, 1);
}

void blindness_ends(struct blindness *blindness, const struct blind_window *window)
{
	struct blind_window *copy;

	if (blindness->count == WINDOWS_MAX)
		merge(blindness);
	copy = &blindness->windows[blindness->count++];
	*copy = *window;
	copy->cause = must(strdup(window->cause));
	blindness->is_heard = true;
	blindness->is_open = false;
	note_in(blindness, 0);
}

static int64_t now_ms(const struct blindness *blindness)
{
	return blindness->clock->ops->now_ms(blindness->clock);
}

void blindness_begins(struct blindness *blindness, int64_t since, const char *cause)
{
	blindness->is_heard = false;
	blindness->is_open = true;
	blindness->opened_ms = now_ms(blindness);
	utf8_format(blindness->cause, sizeof blindness->cause, "%s", cause);
	blindness->open = (struct blind_window){since, since, blindness->cause, false};
	note_in(blindness, 0);
}

static int64_t retry_later(struct blindness *blindness, const char *error)
{
	if (!blindness->backoff.failures)
		LOG(blindness->logger, LOG_WARN, "blind windows are not written down, will try again",
		    LOG_TROUBLE(LOG_DATABASE), LOG_NUMBER("windows", blindness->count),
		    LOG_TEXT("error", error));
	return backoff_next(&blindness->backoff, blindness->random);
}

static void on_noted(void *context, const struct failure *failure)
{
	struct blindness *blindness = context;

	blindness->is_noting = false;
	if (failure) {
		note_in(blindness, retry_later(blindness, failure->text));
		return;
	}
	blindness->backoff.failures = 0;
	drop(blindness, 0, blindness->noting);
	note_in(blindness, blindness->count ? 0 : NOTE_EVERY_MS);
}

/* Those that are over come first, and the one that lasts when there is room. */
static size_t windows_to_note(struct blindness *blindness, struct blind_window windows[WINDOWS_AT_ONCE])
{
	size_t count = blindness->count < WINDOWS_AT_ONCE ? blindness->count : WINDOWS_AT_ONCE;

	blindness->noting = count;
	memcpy(windows, blindness->windows, count * sizeof *windows);
	if (blindness->is_open && count < WINDOWS_AT_ONCE) {
		blindness->open.until =
			blindness->open.since + 1000 * (now_ms(blindness) - blindness->opened_ms);
		windows[count++] = blindness->open;
	}
	return count;
}

static void note(void *context)
{
	struct blindness *blindness = context;
	struct logbook *logbook = blindness->logbook;
	struct blind_window windows[WINDOWS_AT_ONCE];

	/* Before the first window's end there is nothing to say. */
	if (!blindness->count && !blindness->is_heard && !blindness->is_open)
		return;
	blindness->is_noting = true;
	logbook->ops->note_blindness(logbook, windows, windows_to_note(blindness, windows),
				     blindness->is_heard, on_noted, blindness);
}
