/*
 * The hosts of a connection string, and connecting to one of them.
 *
 * libpq parses the string, PG* variables and service files.  Only what libpq would do in a blocking call is
 * done here: the list of hosts is split, and each address gets a time limit.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_CONNINFO_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_CONNINFO_H

#include "core/base/arena.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct conninfo_host {
	const char *name;    /* a name, an address or a socket's directory; "": libpq's default socket */
	const char *address; /* from `hostaddr`, in which case the name is not looked up; or NULL */
	const char *port;
	bool is_socket;
};

struct conninfo {
	const char *text;
	struct conninfo_host *hosts;
	size_t count;
	int timeout_ms;       /* for each address: connect_timeout, or the default */
	bool prefers_standby; /* target_session_attrs=prefer-standby */
	bool wants_writes;    /* target_session_attrs=read-write or primary */
	bool is_any_let_in;   /* libpq accepts any server: the caller judges the session; false at first */
	bool lists_addresses; /* `hostaddr` is given */
};

/*
 * Parses `text`; everything lives in `arena`.  On false, *defect gives the reason without repeating any of
 * the text (libpq's own errors repeat it, with the password).  *passes: the text is good, but the process
 * lacks memory.
 */
bool conninfo_read(struct conninfo *conninfo, const char *text, struct arena *arena, const char **defect,
		   bool *passes);

/*
 * Begins to connect to one address of one host (NULL for a socket); the caller continues with PQconnectPoll.
 * No name is looked up.  NULL: out of memory.  Keepalives that the text does not set are set so that a dead
 * peer is found within 5 seconds.
 */
PGconn *conninfo_connect_start(const struct conninfo *conninfo, const struct conninfo_host *host,
			       const char *address);

/* libpq's last error, in one line. */
void conninfo_error(const PGconn *pg, char *text, size_t size);

/* Joins several lines into one. */
void conninfo_join_lines(char *text);

#endif
