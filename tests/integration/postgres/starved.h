/* Makes one of libpq's functions fail for lack of memory. */
#ifndef ALLOCD_TESTS_POSTGRES_STARVED_H
#define ALLOCD_TESTS_POSTGRES_STARVED_H

/* Starves PQconninfoParse, PQconninfo or PQconnectStartParams until the end of the process. */
void starve(const char *function);

#endif
