/* The list of addresses, and the errors of each, worded as libpq words its own. */
#include "adapters/postgres/connector/address_list.h"

#include "core/base/utf8.h"

#include <string.h>

void address_list_init(struct address_list *addresses)
{
	*addresses = (struct address_list){.end = &addresses->first};
}

struct server_address *address_list_add(struct address_list *addresses, struct arena *arena,
					const struct conninfo_host *host, const char *address)
{
	struct server_address *server = arena_alloc(arena, sizeof *server);

	server->host = host;
	server->address = address;
	server->key = arena_printf(arena, "%.120s:%.8s", address ? address : host->name, host->port);
	*addresses->end = server;
	addresses->end = &server->next;
	return server;
}

/* Formats the server's name as libpq's errors do. */
static void format_name(const struct server_address *server, char *text, size_t size)
{
	const struct conninfo_host *host = server->host;

	if (!server->address)
		utf8_format(text, size, "\"%s\", port %s", host->name, host->port);
	else if (!host->name[0] || !strcmp(host->name, server->address))
		utf8_format(text, size, "\"%s\", port %s", server->address, host->port);
	else
		utf8_format(text, size, "\"%s\" (%s), port %s", host->name, server->address, host->port);
}

void address_list_fail(struct server_address *server, enum failure_kind kind, const char *reason)
{
	char name[256], text[PG_ERROR_TEXT_SIZE];

	format_name(server, name, sizeof name);
	utf8_format(text, sizeof text, "connection to server at %s failed: %s", name, reason);
	pg_error_set(&server->error, kind, text);
}

void address_list_describe(const struct address_list *addresses, struct pg_error *error)
{
	size_t fatal = 0, count = 0;
	char before[PG_ERROR_TEXT_SIZE];

	pg_error_set(error, FAILURE_RETRY, "");
	for (const struct server_address *server = addresses->first; server; server = server->next) {
		if (!server->error.text[0])
			continue;
		fatal += server->error.kind == FAILURE_FATAL;
		utf8_format(before, sizeof before, "%s", error->text);
		utf8_format(error->text, sizeof error->text, "%s%s%s", before, count++ ? "; " : "",
			    server->error.text);
	}
	if (count && fatal == count)
		error->kind = FAILURE_FATAL;
}
