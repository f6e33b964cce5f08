/*
 * A database of the tests' own on the server that ALLOCD_TEST_DATABASE_URL names: made by the test program
 * when it starts, emptied before each test, dropped at the end.
 */
#ifndef ALLOCD_TESTS_POSTGRES_DATABASE_H
#define ALLOCD_TESTS_POSTGRES_DATABASE_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the database; ends the program as failed if there is no server. */
void database_create(void);
void database_drop(void);

/* Makes a database for a test that needs one of its own; `options` as in CREATE DATABASE. */
const char *database_make_another(const char *options);
void database_drop_another(void);

/*
 * Returns the connection string of the database; and of another one on the same server.  The latter lives
 * until the next call.
 */
const char *database_conninfo(void);
const char *database_conninfo_of(const char *name, const char *more);

/*
 * Returns the same connection string by way of the pooler in transaction mode that ALLOCD_TEST_POOLER names
 * ("host=... port=..."), if the tests use one, else the string as it is.  It lives until the next call.
 */
const char *database_way(const char *conninfo);
void database_use_pooler(void); /* ends the program as skipped if there is no pooler */
bool database_is_pooled(void);
bool database_is_direct(void);

/* Ends all other sessions and deletes all rows. */
void database_empty(void);

/*
 * Runs statements on the database; the first value of the last result, or "" without one, lives until the
 * next call.
 */
const char *database_sql(const char *format, ...) __attribute__((format(printf, 1, 2)));
long database_number(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs statements on another database. */
const char *database_sql_on(const char *conninfo, const char *sql);

/*
 * Opens a session that runs the statement in a transaction and keeps it open until database_let_go(), which
 * rolls it back, or database_commit().
 */
void *database_hold(const char *conninfo, const char *sql);
void database_let_go(void *holder);
void database_commit(void *holder);

#endif
