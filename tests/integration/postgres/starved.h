/* Makes one of libpq's functions fail for lack of memory. */
#ifndef ALLOCD_TESTS_POSTGRES_STARVED_H
#define ALLOCD_TESTS_POSTGRES_STARVED_H

#include <libpq-fe.h>

/* Starves PQconninfoParse, PQconninfo or PQconnectStartParams until the end of the process. */
void starve(const char *function);

/* Makes libpq lose the next result of that status: it returns an error of its own instead. */
void starve_result(ExecStatusType status);

#endif
