/*
 * A database belongs to one prefix of channels and keys.  With another one, a worker would publish events of
 * the same versions to other listeners, and read streams whose checkpoints it does not have.
 */
#include "adapters/postgres/schema/schema_internal.h"
#include "core/base/utf8.h"
#include "tools_sql.h"

#include <string.h>

/* Records the prefix if it is to be taken and none is recorded, and reads which one is. */
static PGresult *ask(struct blocking_client *client, const char *prefix, bool takes)
{
	PGresult *taken = takes ? blocking_client_query(client, sql_take_prefix, 1, &prefix) : NULL;
	bool has_failed = takes && !taken;

	PQclear(taken);
	return has_failed ? NULL : blocking_client_query(client, sql_read_prefix, 0, NULL);
}

enum schema_result postgres_check_prefix(const struct url_source *url, int timeout_ms, const char *prefix,
					 bool takes, char text[SCHEMA_TEXT_SIZE])
{
	enum schema_result result = SCHEMA_READY;
	struct blocking_client client;
	PGresult *answer = NULL;

	if (blocking_client_connect(&client, url, takes ? CLIENT_WRITES : CLIENT_READS, timeout_ms))
		answer = ask(&client, prefix, takes);
	if (!answer) {
		result = schema_fail_with_last_error(&client, text);
	} else if (!PQgetisnull(answer, 0, 0) && strcmp(PQgetvalue(answer, 0, 0), prefix)) {
		utf8_format(
			text, SCHEMA_TEXT_SIZE,
			"the database belongs to ALLOCD_PREFIX \"%s\", not to \"%s\": use another database, or "
			"give it to that one with `allocd outbox renew --prefix`",
			PQgetvalue(answer, 0, 0), prefix);
		result = SCHEMA_INCOMPATIBLE;
	}
	PQclear(answer);
	blocking_client_close(&client);
	return result;
}
