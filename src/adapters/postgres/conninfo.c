/* Connecting through libpq, with defaults of our own. */
#include "adapters/postgres/conninfo.h"

#include "adapters/postgres/postgres.h"
#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 10000

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

	if (postgres_conninfo_defect(conninfo)) {
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
	utf8_format(text, size, "%s", PQerrorMessage(pg));
	conninfo_join_lines(text);
}
