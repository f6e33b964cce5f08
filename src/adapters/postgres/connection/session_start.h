/*
 * When a connection begins to connect.
 *
 * Postgres starts a process for each session.  Where it starts many at once, each waits for the others'
 * processor time, so those that a worker needs first come first.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_SESSION_START_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_SESSION_START_H

enum session_start {
	STARTS_AT_ONCE,
	STARTS_NEXT,      /* after those, even if it is used earlier */
	STARTS_LAST,      /* a moment later, even if it is used earlier */
	STARTS_WHEN_USED, /* or still later */
};

#endif
