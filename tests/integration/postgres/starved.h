/* Functions of libpq that find no memory, one at a time. */
#ifndef ALLOCD_TESTS_POSTGRES_STARVED_H
#define ALLOCD_TESTS_POSTGRES_STARVED_H

/* PQconninfoParse, PQconninfo or PQconnectStartParams, to the end of the process. */
void starve(const char *function);

#endif
