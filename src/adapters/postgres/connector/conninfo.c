/* Connecting through libpq, with defaults of our own. */
#include "adapters/postgres/connector/conninfo.h"

#include "adapters/postgres/postgres.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The default of connect_timeout: three dead addresses before a live one then cost 9 s. */
#define CONNECT_TIMEOUT_MS 3000

#define DEFAULT_PORT "5432"

/* ---- libpq's parse of the text ---- */

/*
 * Returns a connection that fails before libpq connects, because of an invalid value.  By then libpq has
 * read the text, the environment and the service file, and has checked the lists of hosts.
 */
static PGconn *connect_never(const char *text)
{
	static const char *const keywords[] = {"dbname", "channel_binding", NULL};
	const char *const values[] = {text, "never", NULL};

	return PQconnectStartParams(keywords, values, 1);
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	while (options->keyword && strcmp(options->keyword, keyword) != 0)
		options++;
	return options->keyword && options->val ? options->val : "";
}

/* ---- lists ---- */

static size_t count_items(const char *list)
{
	size_t count = 1;

	while ((list = strchr(list, ',')))
		list++, count++;
	return count;
}

static const char *item(const char *list, size_t at, struct arena *arena)
{
	while (at-- > 0)
		list = strchr(list, ',') + 1;
	return arena_text(arena, list, strcspn(list, ","));
}

static bool is_socket(const char *name)
{
	return !name[0] || name[0] == '/' || name[0] == '@';
}

static struct conninfo_host host_at(const PQconninfoOption *options, size_t at, struct arena *arena)
{
	const char *names = value_of(options, "host"), *addresses = value_of(options, "hostaddr"),
		   *ports = value_of(options, "port");
	struct conninfo_host host = {
		.name = names[0] ? item(names, at, arena) : "",
		.address = addresses[0] ? item(addresses, at, arena) : "",
		.port = item(ports, count_items(ports) > 1 ? at : 0, arena),
	};

	if (!host.address[0])
		host.address = NULL;
	if (!host.port[0])
		host.port = DEFAULT_PORT;
	host.is_socket = !host.address && is_socket(host.name);
	return host;
}

/* The number of hosts in the lists; 0: the lists differ in length. */
static size_t count_hosts(const PQconninfoOption *options)
{
	const char *names = value_of(options, "host"), *addresses = value_of(options, "hostaddr");
	size_t count = count_items(addresses[0] ? addresses : names),
	       ports = count_items(value_of(options, "port"));
	bool fits = (ports == 1 || ports == count) && (!names[0] || count_items(names) == count);

	return fits ? count : 0;
}

/* To libpq 0 and less mean no limit; here the default applies. libpq's minimum is 2 s. */
static int timeout_ms(const char *seconds)
{
	long value = strtol(seconds, NULL, 10);

	if (value <= 0 || value > 3600)
		return CONNECT_TIMEOUT_MS;
	return 1000 * (value < 2 ? 2 : (int)value);
}

static void read_options(struct conninfo *conninfo, const PQconninfoOption *options, struct arena *arena)
{
	const char *attributes = value_of(options, "target_session_attrs");

	conninfo->count = count_hosts(options);
	conninfo->hosts = arena_alloc(arena, conninfo->count * sizeof *conninfo->hosts);
	for (size_t i = 0; i < conninfo->count; i++)
		conninfo->hosts[i] = host_at(options, i, arena);
	conninfo->timeout_ms = timeout_ms(value_of(options, "connect_timeout"));
	conninfo->prefers_standby = !strcmp(attributes, "prefer-standby");
	conninfo->wants_writes = !strcmp(attributes, "read-write") || !strcmp(attributes, "primary");
	conninfo->lists_addresses = value_of(options, "hostaddr")[0];
}

static bool is_out_of_memory(const char *text)
{
	return strstr(text, "out of memory");
}

bool conninfo_read(struct conninfo *conninfo, const char *text, struct arena *arena, const char **defect,
		   bool *passes)
{
	PQconninfoOption *options;
	char error[512];
	PGconn *never;

	*conninfo = (struct conninfo){.text = arena_strdup(arena, text)};
	*defect = postgres_conninfo_defect(text);
	*passes = *defect && is_out_of_memory(*defect);
	if (*defect) {
		*defect = *passes ? "out of memory" : "the database's connection string is malformed";
		return false;
	}
	never = must(connect_never(text));
	options = must(PQconninfo(never));
	conninfo_error(never, error, sizeof error);
	PQfinish(never);
	/* The port has a default, so without a port libpq failed before it filled in defaults. */
	if (value_of(options, "port")[0])
		read_options(conninfo, options, arena);
	PQconninfoFree(options);
	*defect = conninfo->count ? NULL : arena_strdup(arena, error);
	*passes = !conninfo->count && is_out_of_memory(error);
	return conninfo->count;
}

/* ---- connecting ---- */

/*
 * Replaces the lists by one host. libpq ignores an empty value, so an empty one is written as a list of two
 * equal hosts.
 */
static void name_host(const struct conninfo *conninfo, const struct conninfo_host *host, const char *address,
		      struct arena *arena, const char **name, const char **numeric)
{
	*name = host->name[0] ? host->name : address;
	*numeric = address;
	if (!host->is_socket)
		return;
	*name = host->name[0] ? host->name : conninfo->count > 1 ? "," : NULL;
	if (!conninfo->lists_addresses)
		return;
	*name = arena_printf(arena, "%s,%s", host->name, host->name);
	*numeric = ",";
}

PGconn *conninfo_connect_start(const struct conninfo *conninfo, const struct conninfo_host *host,
			       const char *address)
{
	/*
	 * The last value of a keyword wins: those before dbname are defaults, those after it override the
	 * text.
	 */
	static const char *const keywords[] = {
		"fallback_application_name",
		"keepalives_idle",
		"keepalives_interval",
		"keepalives_count",
		"tcp_user_timeout",
		"dbname",
		"client_encoding",
		"host",
		"hostaddr",
		"port",
		"target_session_attrs",
		NULL,
	};
	struct arena *arena = arena_new(512);
	const char *name, *numeric;
	PGconn *pg;

	name_host(conninfo, host, address, arena, &name, &numeric);
	pg = PQconnectStartParams(keywords,
				  (const char *const[]){"allocd", "2", "1", "3", "5000", conninfo->text,
							"UTF8", name, numeric, host->port,
							conninfo->is_any_let_in ? "any" : NULL, NULL},
				  1);
	arena_free(&arena);
	return pg;
}

/* ---- libpq's errors ---- */

void conninfo_join_lines(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		bool is_gap = *from == '\n' || *from == '\t' || *from == '\r';

		if (!is_gap)
			*to++ = *from;
		else if (to > text && to[-1] != ' ' && from[1])
			*to++ = ' ';
	}
	while (to > text && to[-1] == ' ')
		to--;
	*to = '\0';
}

void conninfo_error(const PGconn *pg, char *text, size_t size)
{
	utf8_format(text, size, "%s", PQerrorMessage(pg));
	conninfo_join_lines(text);
}
