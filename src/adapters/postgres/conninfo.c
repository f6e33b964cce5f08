/* Connecting through libpq, with defaults of our own. */
#include "adapters/postgres/conninfo.h"

#include "adapters/postgres/postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 10000

/* The same test as libpq's: anything else is the name of a database. */
static bool is_connection_string(const char *conninfo)
{
	return !strncmp(conninfo, "postgresql://", 13) || !strncmp(conninfo, "postgres://", 11) ||
	       strchr(conninfo, '=');
}

/* A socket in the abstract namespace begins with an @; nothing else may hold one. */
static bool is_host_list(const char *hosts)
{
	for (const char *at = hosts; (at = strchr(at, '@')); at++) {
		if (at > hosts && at[-1] != ',')
			return false;
	}
	return true;
}

/*
 * A password that holds an @ or a / and is not percent-encoded ends too early: what is left of it would be
 * the host, or the port, and in libpq's errors.
 */
static bool makes_sense(const PQconninfoOption *option)
{
	if (!option->val)
		return true;
	if (!strcmp(option->keyword, "host"))
		return is_host_list(option->val);
	if (!strcmp(option->keyword, "port"))
		return !option->val[strspn(option->val, "0123456789, ")];
	return true;
}

static bool all_make_sense(const PQconninfoOption *options)
{
	while (options->keyword && makes_sense(options))
		options++;
	return !options->keyword;
}

bool postgres_conninfo_is_readable(const char *conninfo)
{
	PQconninfoOption *options;
	bool readable;
	char *error = NULL;

	if (!is_connection_string(conninfo))
		return true;
	options = PQconninfoParse(conninfo, &error);
	PQfreemem(error);
	if (!options)
		return false;
	readable = all_make_sense(options);
	PQconninfoFree(options);
	return readable;
}

PGconn *conninfo_connect_start(const char *conninfo, const char **defect)
{
	/*
	 * Of two that differ the later one counts: what stands before dbname is a default, what follows a
	 * must.
	 */
	static const char *const keywords[] = {
		"fallback_application_name", "keepalives_idle", "keepalives_interval", "keepalives_count",
		"tcp_user_timeout",          "dbname",          "client_encoding",     NULL,
	};
	const char *const values[] = {"allocd", "2", "1", "3", "5000", conninfo, "UTF8", NULL};
	PGconn *pg;

	if (!postgres_conninfo_is_readable(conninfo)) {
		*defect = "the database's connection string is malformed";
		return NULL;
	}
	pg = PQconnectStartParams(keywords, values, 1);
	if (!pg)
		*defect = "out of memory";
	return pg;
}

int conninfo_connect_timeout_ms(PGconn *pg)
{
	PQconninfoOption *options = PQconninfo(pg);
	int seconds = 0;

	for (PQconninfoOption *option = options; option && option->keyword; option++) {
		if (!strcmp(option->keyword, "connect_timeout") && option->val)
			seconds = atoi(option->val);
	}
	PQconninfoFree(options);
	return seconds > 0 && seconds < 3600 ? 1000 * seconds : CONNECT_TIMEOUT_MS;
}

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
	snprintf(text, size, "%s", PQerrorMessage(pg));
	conninfo_join_lines(text);
}
