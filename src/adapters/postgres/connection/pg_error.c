/* Errors of the database in one line each. */
#include "adapters/postgres/connection/pg_error.h"

#include "adapters/postgres/connection/sqlstate.h"
#include "adapters/postgres/connector/conninfo.h"
#include "core/base/utf8.h"

void pg_error_set(struct pg_error *error, enum failure_kind kind, const char *text)
{
	error->kind = kind;
	utf8_format(error->text, sizeof error->text, "%s", text);
	conninfo_join_lines(error->text);
}

void pg_error_set_from_result(struct pg_error *error, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	char message[sizeof error->text - sizeof " (SQLSTATE unknown)"];

	error->kind = sqlstate_kind(sqlstate, PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
	utf8_format(message, sizeof message, "%s", text ? text : PQresultErrorMessage(result));
	utf8_format(error->text, sizeof error->text, "%s (SQLSTATE %s)", message,
		    sqlstate ? sqlstate : "unknown");
	conninfo_join_lines(error->text);
}
