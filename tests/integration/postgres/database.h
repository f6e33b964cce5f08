/*
 * A database of the tests' own on the server that ALLOCD_TEST_DATABASE_URL names: made by the test program
 * when it starts, emptied before each test, dropped at the end.
 */
#ifndef ALLOCD_TESTS_POSTGRES_DATABASE_H
#define ALLOCD_TESTS_POSTGRES_DATABASE_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the database; ends the program, as failed, when there is no server. */
void database_create(void);
void database_drop(void);

/* For a test that needs one of its own; `options` as in CREATE DATABASE. */
const char *database_make_another(const char *options);
void database_drop_another(void);

/*
 * Connection string of the database; and of another one on the same server, which lives until the next call.
 */
const char *database_conninfo(void);
const char *database_conninfo_of(const char *name, const char *more);

/*
 * The same way through the pooler, in transaction mode, that ALLOCD_TEST_POOLER names ("host=... port=...");
 * once the tests are about that, else the string as it is.  It lives until the next call.
 */
const char *database_way(const char *conninfo);
void database_use_pooler(void); /* ends the program, as skipped, when there is none */
bool database_is_pooled(void);
bool database_is_direct(void);

/* Ends all other sessions and deletes all rows. */
void database_empty(void);

/*
 * Runs statements on it; the first value of the last result, or "" when there is none, lives until the next
 * call.
 */
const char *database_sql(const char *format, ...) __attribute__((format(printf, 1, 2)));
long database_number(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same on another database. */
const char *database_sql_on(const char *conninfo, const char *sql);

/* A session that runs the statement in a transaction and then keeps that open until it is let go. */
void *database_hold(const char *conninfo, const char *sql);
void database_let_go(void *holder);

#endif
