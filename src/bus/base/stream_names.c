/* Parses the names of streams, of which one may end in a range, such as "allocd:commands[0-7]". */
#include "bus/base/stream_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool add_stream(struct stream_list *list, const char *name)
{
	if (!name[0] || list->count == STREAMS_MAX || stream_list_has(list, name))
		return false;
	list->names[list->count++] = name;
	return true;
}

/* Whether the name ends in a range, such as "[0-7]"; sets the length of what is before it, and its ends. */
static bool read_range(const char *name, size_t *stem, int64_t *from, int64_t *to)
{
	static const char digits[] = "0123456789";
	const char *open = strrchr(name, '['), *dash;
	char ends[2][4] = {"", ""};
	size_t first, last;

	if (!open)
		return false;
	first = strspn(open + 1, digits);
	dash = open + 1 + first;
	last = first && *dash == '-' ? strspn(dash + 1, digits) : 0;
	if (!last || strcmp(dash + 1 + last, "]") != 0)
		return false;
	*stem = (size_t)(open - name);
	snprintf(ends[0], sizeof ends[0], "%.*s", (int)first, open + 1);
	snprintf(ends[1], sizeof ends[1], "%.*s", (int)last, dash + 1);
	*from = first > 3 || (first > 1 && ends[0][0] == '0') ? -1 : strtol(ends[0], NULL, 10);
	*to = last > 3 || (last > 1 && ends[1][0] == '0') ? -1 : strtol(ends[1], NULL, 10);
	return true;
}

static bool add_streams(struct stream_list *list, const char *name, struct arena *arena)
{
	size_t stem;
	int64_t from, to;

	if (!read_range(name, &stem, &from, &to))
		return add_stream(list, name);
	if (list->range_count || from < 0 || to <= from)
		return false;
	list->range_first = list->count;
	for (int64_t number = from; number <= to; number++) {
		if (!add_stream(list, arena_printf(arena, "%.*s%" PRId64, (int)stem, name, number)))
			return false;
	}
	list->range_count = list->count - list->range_first;
	return true;
}

bool stream_list_parse(const char *text, struct stream_list *list, struct arena *arena)
{
	*list = (struct stream_list){.text = text};
	for (const char *at = text; text[0]; at++) {
		const char *name = arena_printf(arena, "%.*s", (int)strcspn(at, ","), at);

		if (!add_streams(list, name, arena))
			return false;
		at += strlen(name);
		if (!*at)
			return true;
	}
	return true;
}
