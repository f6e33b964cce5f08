/* https://www.w3.org/TR/trace-context/#traceparent-header: VERSION-TRACE-PARENT-FLAGS, in lower-case hex. */
#include "bus/tracing/traceparent.h"

#include <stdbool.h>
#include <string.h>

#define VERSION_AT 0
#define TRACE_AT   3
#define PARENT_AT  36
#define FLAGS_AT   53
#define LENGTH     55

static bool is_hex(const char *text, size_t length)
{
	size_t count = 0;

	while (count < length &&
	       ((text[count] >= '0' && text[count] <= '9') || (text[count] >= 'a' && text[count] <= 'f')))
		count++;
	return count == length;
}

static bool is_id(const char *text, size_t length)
{
	return is_hex(text, length) && strspn(text, "0") < length;
}

static bool is_well_formed(const char *text)
{
	return is_hex(text + VERSION_AT, 2) && strncmp(text, "ff", 2) != 0 && text[TRACE_AT - 1] == '-' &&
	       is_id(text + TRACE_AT, 32) && text[PARENT_AT - 1] == '-' && is_id(text + PARENT_AT, 16) &&
	       text[FLAGS_AT - 1] == '-' && is_hex(text + FLAGS_AT, 2);
}

/* Whether the last bit of a digit is set: that of the flags says that the trace is sampled. */
static bool is_odd(char digit)
{
	return strchr("13579bdf", digit);
}

/* Keeps of a later version only what version 00 has: the ids, and whether the trace is sampled. */
static void restate_as_version_00(char *text)
{
	memcpy(text + VERSION_AT, "00", 2);
	memcpy(text + FLAGS_AT, is_odd(text[FLAGS_AT + 1]) ? "01" : "00", 2);
}

const char *traceparent_read(const char *text, size_t length, struct arena *arena)
{
	char *copy;

	if (length < LENGTH)
		return NULL;
	copy = arena_alloc(arena, LENGTH + 1);
	memcpy(copy, text, LENGTH);
	if (!is_well_formed(copy))
		return NULL;
	if (strncmp(copy, "00", 2) == 0)
		return length == LENGTH ? copy : NULL;
	if (length > LENGTH && text[LENGTH] != '-')
		return NULL;
	restate_as_version_00(copy);
	return copy;
}

const char *trace_id_of(const char *traceparent, struct arena *arena)
{
	bool is_whole = traceparent && strlen(traceparent) == LENGTH;

	return is_whole ? arena_text(arena, traceparent + TRACE_AT, TRACE_ID_LENGTH) : NULL;
}

struct span_context traceparent_context(const char *traceparent)
{
	struct span_context context = {"", ""};

	memcpy(context.trace_id, traceparent + TRACE_AT, TRACE_ID_LENGTH);
	memcpy(context.span_id, traceparent + PARENT_AT, SPAN_ID_LENGTH);
	return context;
}

bool traceparent_is_sampled(const char *traceparent)
{
	return is_odd(traceparent[FLAGS_AT + 1]);
}
