/* Decides which lines are written to the log and which are only counted. */
#include "bus/base/log_limiter.h"

#include "core/base/hash.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST     10    /* lines with the same message that are written */
#define WINDOW_MS 10000 /* between two counts of suppressed lines, and between two causes of a trouble */
#define CALM_MS   1000  /* a trouble is over after this long without a line of it */

/* Kinds of lines beyond these are not limited. */
#define TROUBLES_MAX 8
#define KINDS_MAX    32
#define CAUSES_MAX   8
#define VALUES_MAX   6

#define NAME_MAX_SIZE    24
#define MESSAGE_MAX_SIZE 96

struct trouble_lines {
	struct log_limiter *limiter;
	char name[NAME_MAX_SIZE];
	struct timer *calm; /* set: the trouble is over when it fires */
	bool is_open, is_written;
	int64_t since_ms, over_ms, written_ms;
	enum log_level level; /* of the worst line that was written */
	uint64_t left_out;
	uint64_t causes[CAUSES_MAX]; /* hashes of those that were written */
	size_t cause_count;
	char end[MESSAGE_MAX_SIZE]; /* the message that reports its end */
};

/* Values that begin alike count as the same value. */
struct value_count {
	char value[NAME_MAX_SIZE];
	uint64_t count;
};

struct kind_of_lines {
	struct log_limiter *limiter;
	char message[MESSAGE_MAX_SIZE];
	struct timer *window; /* set once a line of this kind was logged */
	size_t written;
	uint64_t left_out;
	enum log_level level; /* of the worst line that was left out */
	char field[NAME_MAX_SIZE];
	struct value_count values[VALUES_MAX];
	size_t value_count;
};

struct log_limiter {
	struct logger logger;
	struct logger *behind;
	struct clock *clock;
	struct trouble_lines troubles[TROUBLES_MAX];
	size_t trouble_count;
	struct kind_of_lines kinds[KINDS_MAX];
	size_t kind_count;
	uint64_t left_out[LOG_LEVELS];
};

static int64_t now_ms(const struct log_limiter *limiter)
{
	return limiter->clock->ops->now_ms(limiter->clock);
}

/* ---- a trouble ---- */

static void on_calm(void *context)
{
	struct trouble_lines *trouble = context;

	trouble->is_open = false;
	if (trouble->is_written)
		LOG(trouble->limiter->behind, LOG_INFO, trouble->end, LOG_TEXT("trouble", trouble->name),
		    LOG_NUMBER("after_ms", trouble->over_ms - trouble->since_ms),
		    LOG_NUMBER("left_out", trouble->left_out));
}

static struct trouble_lines *find_trouble(struct log_limiter *limiter, const char *name)
{
	struct trouble_lines *trouble = limiter->troubles;

	for (size_t i = 0; i < limiter->trouble_count; i++, trouble++) {
		if (!strcmp(trouble->name, name))
			return trouble;
	}
	if (limiter->trouble_count == TROUBLES_MAX)
		return NULL;
	limiter->trouble_count++;
	trouble->limiter = limiter;
	trouble->written_ms = INT64_MIN / 2;
	utf8_format(trouble->name, sizeof trouble->name, "%s", name);
	trouble->calm = limiter->clock->ops->timer_new(limiter->clock, on_calm, trouble);
	return trouble;
}

static uint64_t cause_of(const char *message, const struct log_field *fields, size_t count)
{
	const char *cause = message;

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(fields[i].name, "error"))
			cause = log_text_or_none(fields[i].text);
	}
	return hash_text(cause);
}

static bool is_known_cause(const struct trouble_lines *trouble, uint64_t cause)
{
	for (size_t i = 0; i < trouble->cause_count; i++) {
		if (trouble->causes[i] == cause)
			return true;
	}
	return false;
}

static void open_trouble(struct trouble_lines *trouble, int64_t now)
{
	if (trouble->is_open)
		return;
	trouble->is_open = true;
	trouble->is_written = false;
	trouble->since_ms = now;
	trouble->left_out = 0;
	trouble->level = LOG_DEBUG;
	if (now - trouble->written_ms >= WINDOW_MS)
		trouble->cause_count = 0;
}

static bool is_news(const struct trouble_lines *trouble, enum log_level level, uint64_t cause, int64_t now)
{
	bool is_late = now - trouble->written_ms >= WINDOW_MS;

	if (!trouble->is_written)
		return is_late || !is_known_cause(trouble, cause);
	return level > trouble->level || (is_late && !is_known_cause(trouble, cause));
}

/* Whether the line is to be written. */
static bool admit_trouble(struct trouble_lines *trouble, enum log_level level, uint64_t cause)
{
	struct clock *clock = trouble->limiter->clock;
	int64_t now = now_ms(trouble->limiter);

	clock->ops->timer_stop(trouble->calm);
	open_trouble(trouble, now);
	if (!is_news(trouble, level, cause, now)) {
		trouble->left_out++;
		return false;
	}
	trouble->is_written = true;
	trouble->written_ms = now;
	trouble->level = level;
	if (!is_known_cause(trouble, cause))
		trouble->causes[trouble->cause_count < CAUSES_MAX ? trouble->cause_count++ : 0] = cause;
	return true;
}

static void end_trouble(struct trouble_lines *trouble, const char *message)
{
	struct log_limiter *limiter = trouble->limiter;

	if (!trouble->is_open)
		return;
	trouble->over_ms = now_ms(limiter);
	utf8_format(trouble->end, sizeof trouble->end, "%s", message);
	limiter->clock->ops->timer_set(trouble->calm, CALM_MS);
}

/* ---- lines of one kind ---- */

static void count_value(struct kind_of_lines *kind, const struct log_field *field)
{
	char text[NAME_MAX_SIZE];
	size_t i = 0;

	if (strcmp(field->name, kind->field) || !field->text || !*field->text)
		return;
	utf8_format(text, sizeof text, "%s", field->text);
	while (i < kind->value_count && strcmp(kind->values[i].value, text))
		i++;
	if (i == kind->value_count && i < VALUES_MAX) {
		memcpy(kind->values[i].value, text, sizeof text);
		kind->values[i].count = 0;
		kind->value_count++;
	}
	if (i < VALUES_MAX)
		kind->values[i].count++;
}

static void write_count(struct kind_of_lines *kind)
{
	char values[VALUES_MAX * (NAME_MAX_SIZE + 24)] = "";
	size_t size = 0;

	for (size_t i = 0; i < kind->value_count; i++)
		size += (size_t)snprintf(values + size, sizeof values - size, "%s%s %" PRIu64, i ? ", " : "",
					 kind->values[i].value, kind->values[i].count);
	LOG(kind->limiter->behind, kind->level, "more lines with this message were left out",
	    LOG_TEXT("message", kind->message), LOG_NUMBER("count", kind->left_out),
	    LOG_TEXT(kind->field, kind->value_count < VALUES_MAX ? values : ""));
	kind->left_out = kind->value_count = 0;
	kind->level = LOG_DEBUG;
}

/* Lines that keep arriving are only counted; after a window without any, they are written again. */
static void end_window(void *context)
{
	struct kind_of_lines *kind = context;
	struct clock *clock = kind->limiter->clock;

	if (!kind->left_out) {
		kind->written = 0;
		return;
	}
	write_count(kind);
	clock->ops->timer_set(kind->window, WINDOW_MS);
}

static struct kind_of_lines *find_kind(struct log_limiter *limiter, const char *message)
{
	struct kind_of_lines *kind = limiter->kinds;

	for (size_t i = 0; i < limiter->kind_count; i++, kind++) {
		if (!strncmp(kind->message, message, MESSAGE_MAX_SIZE - 1))
			return kind;
	}
	if (limiter->kind_count == KINDS_MAX)
		return NULL;
	limiter->kind_count++;
	kind->limiter = limiter;
	utf8_format(kind->message, sizeof kind->message, "%s", message);
	kind->window = limiter->clock->ops->timer_new(limiter->clock, end_window, kind);
	return kind;
}

static bool admit_line(struct kind_of_lines *kind, enum log_level level, const struct log_field *fields,
		       size_t count)
{
	struct clock *clock = kind->limiter->clock;

	if (!kind->written)
		clock->ops->timer_set(kind->window, WINDOW_MS);
	if (kind->written < BURST) {
		kind->written++;
		return true;
	}
	if (count && !kind->left_out)
		utf8_format(kind->field, sizeof kind->field, "%s", fields[0].name);
	kind->left_out++;
	kind->level = level > kind->level ? level : kind->level;
	if (count)
		count_value(kind, &fields[0]);
	return false;
}

/* ---- the logger ---- */

static const char *find_mark(const char *name, const struct log_field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(fields[i].name, name))
			return log_text_or_none(fields[i].text);
	}
	return NULL;
}

/* Whether the line is to be written as it is. */
static bool passes(struct log_limiter *limiter, enum log_level level, const char *message,
		   const struct log_field *fields, size_t count)
{
	const char *trouble = find_mark("trouble", fields, count), *over = find_mark("over", fields, count);
	struct trouble_lines *lines =
		trouble || over ? find_trouble(limiter, trouble ? trouble : over) : NULL;
	struct kind_of_lines *kind;

	if (lines && over) {
		end_trouble(lines, message);
		return false;
	}
	if (level < LOG_WARN || find_mark("kept", fields, count))
		return true;
	if (lines)
		return admit_trouble(lines, level, cause_of(message, fields, count));
	kind = find_kind(limiter, message);
	return !kind || admit_line(kind, level, fields, count);
}

static void write_line(struct logger *port, enum log_level level, const char *message,
		       const struct log_field *fields, size_t count)
{
	struct log_limiter *limiter = (struct log_limiter *)port;
	struct logger *behind = limiter->behind;

	if (behind->level == LOG_DEBUG || passes(limiter, level, message, fields, count))
		behind->write(behind, level, message, fields, count);
	else
		limiter->left_out[level]++;
}

struct log_limiter *log_limiter_new(struct logger *behind, struct clock *clock)
{
	struct log_limiter *limiter = must_alloc(sizeof *limiter);

	limiter->logger = (struct logger){.level = behind->level, .write = write_line};
	limiter->behind = behind;
	limiter->clock = clock;
	return limiter;
}

const uint64_t *log_limiter_left_out(const struct log_limiter *limiter)
{
	return limiter->left_out;
}

struct logger *log_limiter_logger(struct log_limiter *limiter)
{
	return &limiter->logger;
}

void log_limiter_free(struct log_limiter **limiter)
{
	struct log_limiter *it = *limiter;

	if (!it)
		return;
	for (size_t i = 0; i < it->trouble_count; i++)
		it->clock->ops->timer_free(&it->troubles[i].calm);
	for (size_t i = 0; i < it->kind_count; i++) {
		if (it->kinds[i].left_out)
			write_count(&it->kinds[i]);
		it->clock->ops->timer_free(&it->kinds[i].window);
	}
	free(it);
	*limiter = NULL;
}
