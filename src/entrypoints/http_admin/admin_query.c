/* Reads the query of a request about dead letters. */
#include "entrypoints/http_admin/admin_arguments.h"

#include "entrypoints/cli/text.h"
#include "entrypoints/http/http_answer.h"

#include <string.h>

/* The letters of a page. */
#define PAGE_DEFAULT 50
#define PAGE_MAX     200

/* One more than the page has is read, to know whether there is a next page. */
static bool add_limit(struct admin_arguments *arguments, int64_t limit)
{
	return admin_arguments_add(
		arguments, admin_changes, "", "limit",
		arena_printf(arguments->arena, "%d", (int)(limit ? limit : PAGE_DEFAULT) + 1));
}

static bool read_limit(struct admin_arguments *arguments, const char *value, int64_t *limit)
{
	if (*limit)
		return admin_arguments_refuse(arguments, "limit: expected once");
	return (text_to_number(value, limit) && *limit >= 1 && *limit <= PAGE_MAX) ||
	       admin_arguments_refuse(arguments, "limit: expected a number from 1 to %d", PAGE_MAX);
}

static bool add(struct admin_arguments *arguments, const char *name, const char *value, int64_t *limit)
{
	for (size_t i = 0; i < arguments->option_count; i++) {
		if (!strcmp(arguments->options[i].option->name, strcmp(name, "cursor") ? name : "after"))
			return admin_arguments_refuse(arguments, "%s: expected once", name);
	}
	if (limit && !strcmp(name, "limit"))
		return read_limit(arguments, value, limit);
	if (limit && !strcmp(name, "cursor")) {
		int64_t id;

		return text_to_number(value, &id)
			       ? admin_arguments_add(arguments, admin_changes, "", "after", value)
			       : admin_arguments_refuse(arguments,
							"cursor: expected that of a link to the next page");
	}
	return admin_arguments_add(arguments, admin_filters, "", name, value);
}

static const char *decode(struct admin_arguments *arguments, const char *text, size_t size)
{
	return percent_decode(plus_to_blank(arena_text(arguments->arena, text, size)), ADMIN_VALUE_MAX,
			      arguments->arena);
}

static bool read_parameter(struct admin_arguments *arguments, const char *text, size_t size, int64_t *limit)
{
	const char *equals = memchr(text, '=', size);
	size_t length = equals ? (size_t)(equals - text) : size;
	const char *name = decode(arguments, text, length),
		   *value = equals ? decode(arguments, equals + 1, size - length - 1) : "";

	if (!name || !value)
		return admin_arguments_refuse(
			arguments, "%.*s: expected up to 4096 characters of UTF-8, percent-encoded",
			(int)(length < 64 ? length : 64), text);
	return add(arguments, name, value, limit);
}

bool admin_query_read(struct admin_arguments *arguments, const char *query, bool pages)
{
	int64_t limit = 0;
	size_t size;

	for (const char *at = query; at && *at; at = at[size] ? at + size + 1 : NULL) {
		size = strcspn(at, "&");
		if (size && !read_parameter(arguments, at, size, pages ? &limit : NULL))
			return false;
	}
	return (!pages || add_limit(arguments, limit)) && admin_arguments_check(arguments);
}
