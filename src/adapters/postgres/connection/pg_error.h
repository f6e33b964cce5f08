/* An error of the database, copied out of the libpq object that reported it. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_PG_ERROR_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_PG_ERROR_H

#include "bus/ports/failure.h"

#include <libpq-fe.h>

#define PG_ERROR_TEXT_SIZE FAILURE_TEXT_SIZE

struct pg_error {
	enum failure_kind kind;
	char text[PG_ERROR_TEXT_SIZE]; /* one line; empty: no error */
};

void pg_error_set(struct pg_error *error, enum failure_kind kind, const char *text);

/* Copies the server's message and its SQLSTATE. */
void pg_error_set_from_result(struct pg_error *error, const PGresult *result);

#endif
