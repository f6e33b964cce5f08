/*
 * Advice to an operator about trouble with the database.  (For Redis, see
 * adapters/redis/protocol/redis_error.h.)
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_DATABASE_ADVICE_H
#define ALLOCD_ENTRYPOINTS_HTTP_DATABASE_ADVICE_H

/* `text`: the trouble, which usually ends with its code, such as "(SQLSTATE 53100)". */
const char *advice_for_database(const char *text);

#endif
