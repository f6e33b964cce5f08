/*
 * What an operator may do about the database's trouble.  (Redis' is advised on in
 * adapters/redis/protocol/redis_error.h.)
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_DATABASE_ADVICE_H
#define ALLOCD_ENTRYPOINTS_HTTP_DATABASE_ADVICE_H

/* `text`: the trouble, with "(SQLSTATE 53100)" at its end as a rule. */
const char *advice_for_database(const char *text);

#endif
