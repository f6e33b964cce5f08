/* The list of places, and the errors of each, worded as libpq words its own. */
#include "adapters/postgres/connector/address_list.h"

#include "core/base/utf8.h"

#include <string.h>

void address_list_init(struct address_list *places)
{
	*places = (struct address_list){.end = &places->first};
}

struct server_address *address_list_add(struct address_list *places, struct arena *arena,
					const struct conninfo_host *host, const char *address)
{
	struct server_address *place = arena_alloc(arena, sizeof *place);

	place->host = host;
	place->address = address;
	place->key = arena_printf(arena, "%.120s:%.8s", address ? address : host->name, host->port);
	*places->end = place;
	places->end = &place->next;
	return place;
}

/* The name that libpq's errors give it. */
static void name_place(const struct server_address *place, char *text, size_t size)
{
	const struct conninfo_host *host = place->host;

	if (!place->address)
		utf8_format(text, size, "\"%s\", port %s", host->name, host->port);
	else if (!host->name[0] || !strcmp(host->name, place->address))
		utf8_format(text, size, "\"%s\", port %s", place->address, host->port);
	else
		utf8_format(text, size, "\"%s\" (%s), port %s", host->name, place->address, host->port);
}

void address_list_fail(struct server_address *place, enum failure_kind kind, const char *reason)
{
	char name[256], text[PG_ERROR_TEXT_SIZE];

	name_place(place, name, sizeof name);
	utf8_format(text, sizeof text, "connection to server at %s failed: %s", name, reason);
	pg_error_set(&place->trouble, kind, text);
}

void address_list_describe(const struct address_list *places, struct pg_error *trouble)
{
	size_t fatal = 0, count = 0;
	char before[PG_ERROR_TEXT_SIZE];

	pg_error_set(trouble, FAILURE_RETRY, "");
	for (const struct server_address *place = places->first; place; place = place->next) {
		if (!place->trouble.text[0])
			continue;
		fatal += place->trouble.kind == FAILURE_FATAL;
		utf8_format(before, sizeof before, "%s", trouble->text);
		utf8_format(trouble->text, sizeof trouble->text, "%s%s%s", before, count++ ? "; " : "",
			    place->trouble.text);
	}
	if (count && fatal == count)
		trouble->kind = FAILURE_FATAL;
}
