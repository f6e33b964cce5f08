/* Formats one line of the log. */
#include "adapters/system/log_line.h"

#include "core/base/calendar.h"
#include "core/base/utf8.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* How the two formats differ, besides the quotes around texts. */
struct punctuation {
	const char *open, *between, *name_end, *truncated, *close;
	bool quotes_names; /* and every text */
};

static const struct punctuation punctuations[] = {
	[LOG_FORMAT_LOGFMT] = {"", " ", "=", " truncated=true", "\n", false},
	[LOG_FORMAT_JSON] = {"{", ",", ":", ",\"truncated\":true", "}\n", true},
};

/* Bytes reserved for `truncated` and `close`. */
#define TAIL_MAX 24

/* ---- pieces: each is appended whole or not at all ---- */

static bool append(struct log_line *line, const char *text, size_t size)
{
	if (size > LOG_LINE_MAX - TAIL_MAX - line->size)
		return false;
	memcpy(line->text + line->size, text, size);
	line->size += size;
	return true;
}

static bool append_text(struct log_line *line, const char *text)
{
	return append(line, text, strlen(text));
}

/* Escapes the code point that `raw` (of `width` bytes) stands for, as it is written between quotes. */
static size_t escape(uint32_t code, const char *raw, size_t width, char escaped[8])
{
	static const char short_forms[] = "\"\"\\\\\nn\rr\tt";

	for (const char *form = short_forms; *form; form += 2) {
		if (code == (unsigned char)*form) {
			escaped[0] = '\\';
			escaped[1] = form[1];
			return 2;
		}
	}
	if (utf8_is_control(code))
		return (size_t)snprintf(escaped, 8, "\\u%04x", (unsigned)code);
	if (code == UTF8_REPLACEMENT) {
		memcpy(escaped, "\xef\xbf\xbd", 3);
		return 3;
	}
	memcpy(escaped, raw, width);
	return width;
}

static bool append_quoted(struct log_line *line, const char *text)
{
	size_t size = 0, left = strlen(text), width;

	if (!append(line, "\"", 1))
		return false;
	for (; left; left -= width, text += width) {
		uint32_t code;
		bool is_valid;
		char escaped[8];
		size_t escaped_size;

		width = utf8_next(text, left, &code, &is_valid);
		escaped_size = escape(code, text, width, escaped);

		if (size + escaped_size > LOG_TEXT_MAX)
			return append_text(line, "…\"");
		if (!append(line, escaped, escaped_size))
			return false;
		size += escaped_size;
	}
	return append(line, "\"", 1);
}

/* Whether logfmt writes the text without quotes. */
static bool is_bare(const char *text)
{
	size_t size = 0;

	for (; text[size]; size++)
		if (text[size] <= ' ' || text[size] > '~' || strchr("\"=\\", text[size]))
			return false;
	return size > 0 && size <= LOG_TEXT_MAX;
}

static bool append_name(struct log_line *line, const struct punctuation *marks, const char *name)
{
	return (marks->quotes_names ? append_quoted(line, name) : append_text(line, name)) &&
	       append_text(line, marks->name_end);
}

/* ---- the line ---- */

static bool append_field(struct log_line *line, const struct punctuation *marks,
			 const struct log_field *field)
{
	char number[24];

	if (!append_name(line, marks, field->name))
		return false;
	if (field->text)
		return !marks->quotes_names && is_bare(field->text) ? append_text(line, field->text)
								    : append_quoted(line, field->text);
	snprintf(number, sizeof number, "%" PRId64, field->number);
	return append_text(line, number);
}

/* Adds the whole field, or nothing of it when it does not fit. */
static bool add_field(struct log_line *line, const struct punctuation *marks, const struct log_field *field)
{
	size_t before = line->size;

	if (append_text(line, marks->between) && append_field(line, marks, field))
		return true;
	line->size = before;
	return false;
}

static bool has_value(const struct log_field *field)
{
	return !field->text || *field->text;
}

static const char *level_name(enum log_level level)
{
	static const char *const names[] = {
		[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

	return names[level];
}

/* As syslog(3) numbers them. */
static const char *priority(enum log_level level)
{
	static const char *const priorities[] = {
		[LOG_DEBUG] = "<7>", [LOG_INFO] = "<6>", [LOG_WARN] = "<4>", [LOG_ERROR] = "<3>"};

	return priorities[level];
}

static void add_time(struct log_line *line, const struct punctuation *marks, int64_t now)
{
	char instant[INSTANT_TEXT_SIZE];
	const char *text = instant;

	instant_format(now, instant);
	append_field(line, marks, &LOG_TEXT("time", text));
	append_text(line, marks->between);
}

static void finish(struct log_line *line, const struct punctuation *marks, bool complete)
{
	char tail[TAIL_MAX];
	int size = snprintf(tail, sizeof tail, "%s%s", complete ? "" : marks->truncated, marks->close);

	memcpy(line->text + line->size, tail, (size_t)size);
	line->size += (size_t)size;
}

void log_line_format(struct log_line *line, struct log_style style, int64_t now, enum log_level level,
		     const char *message, const struct log_field *fields, size_t count)
{
	const struct punctuation *marks = &punctuations[style.format];
	bool complete = true;

	line->size = 0;
	if (style.is_for_journald)
		append_text(line, priority(level));
	append_text(line, marks->open);
	if (!style.is_for_journald)
		add_time(line, marks, now);
	append_field(line, marks, &LOG_TEXT("level", level_name(level)));
	add_field(line, marks, &LOG_TEXT("msg", message));
	for (size_t i = 0; i < count && complete; i++)
		complete = !has_value(&fields[i]) || add_field(line, marks, &fields[i]);
	finish(line, marks, complete);
}
