/*
 * A database belongs to one prefix of channels and keys, and to one list of streams.  With another prefix, a
 * worker would publish events of the same versions to other listeners, and read streams whose checkpoints it
 * does not have.  With another list of streams, it would look for a SKU's commands in another stream.  While
 * the range grows there are two lists: see bus/base/stream_plan.h.
 */
#include "adapters/postgres/schema/schema_internal.h"
#include "bus/base/stream_plan.h"
#include "core/base/utf8.h"
#include "tools_sql.h"

#include <string.h>

/* Records what is to be taken and not recorded yet, and reads what is. */
static PGresult *ask(struct blocking_client *client, const struct installation *mine, bool takes)
{
	const char *params[] = {mine->prefix, mine->streams};
	PGresult *taken = takes ? blocking_client_query(client, sql_take_installation, 2, params) : NULL;
	bool has_failed = takes && !taken;

	PQclear(taken);
	return has_failed ? NULL : blocking_client_query(client, sql_read_installation, 0, NULL);
}

static bool has_other_prefix(const PGresult *answer, const char *mine)
{
	return !PQgetisnull(answer, 0, 0) && strcmp(PQgetvalue(answer, 0, 0), mine) != 0;
}

static bool has_other_streams(const PGresult *answer, const char *mine)
{
	struct arena *arena = arena_new(1024);
	struct stream_plan plan;
	bool admits =
		PQgetisnull(answer, 0, 1) || (stream_plan_parse(PQgetvalue(answer, 0, 1), &plan, arena) &&
					      stream_plan_admits(&plan, mine));

	arena_free(&arena);
	return !admits;
}

/* What sql_take_installation would leave as it is. */
static bool is_recorded(const PGresult *answer, const struct installation *mine)
{
	return !PQgetisnull(answer, 0, 0) && (!*mine->streams || !PQgetisnull(answer, 0, 1));
}

static enum schema_result compare(const PGresult *answer, const struct installation *mine,
				  char text[SCHEMA_TEXT_SIZE])
{
	if (has_other_prefix(answer, mine->prefix))
		utf8_format(
			text, SCHEMA_TEXT_SIZE,
			"the database belongs to ALLOCD_PREFIX \"%s\", not to \"%s\": use another database, or "
			"give it to that one with `allocd outbox renew --prefix`",
			PQgetvalue(answer, 0, 0), mine->prefix);
	else if (*mine->streams && has_other_streams(answer, mine->streams))
		utf8_format(
			text, SCHEMA_TEXT_SIZE,
			"the database belongs to ALLOCD_STREAM \"%s\", not to \"%s\": set it alike for all "
			"workers, or change it with `allocd streams resize`",
			PQgetvalue(answer, 0, 1), mine->streams);
	else
		return SCHEMA_READY;
	return SCHEMA_INCOMPATIBLE;
}

enum schema_result schema_check_installation(struct blocking_client *client, struct installation *mine,
					     bool takes, char text[SCHEMA_TEXT_SIZE])
{
	PGresult *answer = ask(client, mine, takes);
	enum schema_result result =
		answer ? compare(answer, mine, text) : schema_fail_with_last_error(client, text);

	mine->is_recorded = result == SCHEMA_READY && is_recorded(answer, mine);
	PQclear(answer);
	return result;
}

enum schema_result postgres_check_installation(const struct url_source *url, int timeout_ms,
					       struct installation *mine, bool takes,
					       char text[SCHEMA_TEXT_SIZE])
{
	enum schema_result result;
	struct blocking_client client;

	if (blocking_client_connect(&client, url, CLIENT_WRITES, timeout_ms))
		result = schema_check_installation(&client, mine, takes, text);
	else
		result = schema_fail_with_last_error(&client, text);
	blocking_client_close(&client);
	return result;
}
