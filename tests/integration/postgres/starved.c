/* Functions that replace libpq's own, and call them. */
#include "starved.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

static const char *starved; /* NULL: none */
static int lost_status = -1;

void starve(const char *function)
{
	starved = function;
}

void starve_result(ExecStatusType status)
{
	lost_status = (int)status;
}

typedef PGresult *get_result(PGconn *);
typedef PQconninfoOption *conninfo_parse(const char *, char **);
typedef PQconninfoOption *conninfo_of(PGconn *);
typedef PGconn *connect_start(const char *const *, const char *const *, int);

/* Returns false for a starved function. A function's address is not that of an object, so it is copied. */
static bool find_real(const char *name, void *function)
{
	void *found = dlsym(RTLD_NEXT, name);

	memcpy(function, &found, sizeof found);
	return !starved || strcmp(starved, name) != 0;
}

/* These replace libpq's own functions. */
PQconninfoOption *PQconninfoParse(const char *conninfo, char **errmsg)
{
	conninfo_parse *real;

	return find_real("PQconninfoParse", (void *)&real) ? real(conninfo, errmsg) : NULL;
}

PQconninfoOption *PQconninfo(PGconn *conn)
{
	conninfo_of *real;

	return find_real("PQconninfo", (void *)&real) ? real(conn) : NULL;
}

PGconn *PQconnectStartParams(const char *const *keywords, const char *const *values, int expand_dbname)
{
	connect_start *real;

	return find_real("PQconnectStartParams", (void *)&real) ? real(keywords, values, expand_dbname)
								: NULL;
}

PGresult *PQgetResult(PGconn *conn)
{
	get_result *real;
	PGresult *result;

	find_real("PQgetResult", (void *)&real);
	result = real(conn);
	if (!result || (int)PQresultStatus(result) != lost_status)
		return result;
	lost_status = -1;
	PQclear(result);
	return PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR);
}
