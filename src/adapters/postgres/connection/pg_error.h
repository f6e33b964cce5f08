/* An error of the database, copied out of the libpq object that reported it. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_PG_ERROR_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_PG_ERROR_H

#include "bus/ports/failure.h"

#include <libpq-fe.h>

#define TROUBLE_TEXT_SIZE 512

struct trouble {
	enum failure_kind kind;
	char text[TROUBLE_TEXT_SIZE]; /* one line; empty: no error */
};

void trouble_set(struct trouble *trouble, enum failure_kind kind, const char *text);

/* Copies the server's message and its SQLSTATE. */
void trouble_set_error(struct trouble *trouble, const PGresult *result);

#endif
