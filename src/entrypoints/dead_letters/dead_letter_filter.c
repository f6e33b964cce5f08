/* The filter of a command about dead letters. */
#include "entrypoints/dead_letters/dead_letter_filter.h"

#include "core/message.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/text.h"

#include <string.h>

#define AGE_MAX (INT64_C(100) * 365 * 86400)

bool age_to_seconds(const char *text, int64_t *seconds)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t digits = strspn(text, "0123456789");
	char number[20] = "";
	int64_t count;

	if (digits >= sizeof number || (text[digits] && text[digits + 1]))
		return false;
	memcpy(number, text, digits);
	for (size_t i = 0; text_to_number(number, &count) && i < sizeof units / sizeof units[0]; i++) {
		if (units[i].unit == text[digits] && count <= AGE_MAX / units[i].seconds) {
			*seconds = count * units[i].seconds;
			return true;
		}
	}
	return false;
}

static bool read_age(const struct invocation *invocation, const char *name, int64_t *seconds,
		     const char **error)
{
	const char *text = invocation_option(invocation, name);

	*seconds = -1;
	if (!text || age_to_seconds(text, seconds))
		return true;
	*error = arena_printf(invocation->arena, "expected an age such as 90s, 15m, 2h or 7d after --%s",
			      name);
	return false;
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

bool positive_option(const struct invocation *invocation, const char *name, int64_t *number,
		     const char **error)
{
	bool is_given = invocation_option(invocation, name);

	*number = invocation_number(invocation, name, 0);
	if (!is_given || *number > 0)
		return true;
	*error = arena_printf(invocation->arena, "expected 1 or more after --%s", name);
	return false;
}

bool dead_letter_filter_read(const struct invocation *invocation, struct dead_letter_filter *filter,
			     const char **error)
{
	*filter = (struct dead_letter_filter){.reason = invocation_option(invocation, "reason")};
	return read_ids(invocation, filter, error) && read_outcome(invocation, filter, error) &&
	       read_message(invocation, filter, error) &&
	       read_age(invocation, "older-than", &filter->older_than_s, error) &&
	       read_age(invocation, "newer-than", &filter->newer_than_s, error) &&
	       positive_option(invocation, "limit", &filter->limit, error);
}
