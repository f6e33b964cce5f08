/* The filter of a command about dead letters. */
#include "entrypoints/dead_letters/dead_letter_filter.h"

#include "core/base/calendar.h"
#include "core/message.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/text.h"

#include <string.h>

static int64_t age_option(const struct invocation *invocation, const char *name)
{
	const char *text = invocation_option(invocation, name);
	int64_t seconds = -1;

	if (text)
		text_to_age(text, &seconds);
	return seconds;
}

static bool read_ids(const struct invocation *invocation, struct dead_letter_filter *filter,
		     const char **error)
{
	size_t count = invocation->argument_count;
	int64_t *ids = arena_alloc(invocation->arena, count * sizeof *ids);

	for (size_t i = 0; i < count; i++) {
		if (text_to_number(invocation->arguments[i], &ids[i]))
			continue;
		*error = arena_printf(invocation->arena,
				      "expected the id of a dead letter, a number, not '%s'",
				      invocation->arguments[i]);
		return false;
	}
	filter->ids = ids;
	filter->id_count = count;
	return true;
}

static bool read_outcome(const struct invocation *invocation, struct dead_letter_filter *filter,
			 const char **error)
{
	const char *outcome = invocation_option(invocation, "outcome");

	filter->outcome = outcome;
	if (!outcome || !strcmp(outcome, "rejected") || !strcmp(outcome, "invalid") ||
	    !strcmp(outcome, "failed"))
		return true;
	*error = "expected rejected, invalid or failed after --outcome";
	return false;
}

/* Only commands, and the event that is reported by mail, can become dead letters. */
static bool becomes_dead_letter(enum message_type type)
{
	return type == MSG_OUT_OF_STOCK || message_descriptor(type)->role == ROLE_COMMAND;
}

static const char *names_of_messages(struct arena *arena)
{
	const char *names = "none";

	for (int type = MSG_NONE + 1; type < MSG_TYPES; type++) {
		if (becomes_dead_letter((enum message_type)type))
			names = arena_printf(arena, "%s, %s", message_name((enum message_type)type), names);
	}
	return names;
}

static bool read_message(const struct invocation *invocation, struct dead_letter_filter *filter,
			 const char **error)
{
	const char *name = invocation_option(invocation, "message");
	bool is_none = name && !strcmp(name, "none");
	enum message_type type = name && !is_none ? message_type_named(name) : MSG_NONE;

	if (name)
		filter->message = message_name(type);
	if (!name || is_none || (type != MSG_NONE && becomes_dead_letter(type)))
		return true;
	*error = arena_printf(invocation->arena, "expected one of %s after --message",
			      names_of_messages(invocation->arena));
	return false;
}

/* An age is the same as --newer-than; of both, the shorter one counts. */
static bool read_since(const struct invocation *invocation, struct dead_letter_filter *filter,
		       const char **error)
{
	const char *since = invocation_option(invocation, "since");
	int64_t age_s;

	if (!since || instant_parse(since, strlen(since), &filter->since))
		return true;
	if (!text_to_age(since, &age_s)) {
		*error = "expected an age such as 90s, 15m, 2h or 7d, or an instant such as "
			 "2026-01-31T12:00:00Z after --since";
		return false;
	}
	if (filter->newer_than_s < 0 || age_s < filter->newer_than_s)
		filter->newer_than_s = age_s;
	return true;
}

bool dead_letter_filter_read(const struct invocation *invocation, struct dead_letter_filter *filter,
			     const char **error)
{
	*filter = (struct dead_letter_filter){
		.reason = invocation_option(invocation, "reason"),
		.whole_reason = invocation_option(invocation, "reason-is"),
		.message_id = invocation_option(invocation, "message-id"),
		.older_than_s = age_option(invocation, "older-than"),
		.newer_than_s = age_option(invocation, "newer-than"),
		.limit = invocation_number(invocation, "limit", 0),
	};
	return read_ids(invocation, filter, error) && read_outcome(invocation, filter, error) &&
	       read_message(invocation, filter, error) && read_since(invocation, filter, error);
}
