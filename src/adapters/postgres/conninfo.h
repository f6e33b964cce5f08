/*
 * What a connection string says of the servers, and how a connection to one of them begins.
 *
 * libpq reads the string, PG* variables and service files; only what it would do inside a blocking call or
 * leave to its caller is taken apart here: the list of hosts, and the time that each address has.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNINFO_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNINFO_H

#include "core/arena.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct conninfo_host {
	const char *name;    /* a name, an address or a socket's directory; "": libpq's default socket */
	const char *address; /* of `hostaddr`: the name is not looked up; NULL: none */
	const char *port;
	bool is_socket;
};

struct conninfo {
	const char *text;
	struct conninfo_host *hosts;
	size_t count;
	int timeout_ms;       /* for each address: connect_timeout, or the default */
	bool prefers_standby; /* target_session_attrs=prefer-standby */
	bool lists_addresses; /* `hostaddr` is given */
};

/*
 * Reads `text`; everything lives in `arena`.  False: *defect says why, in words that hold nothing of it
 * (libpq's own repeat it, with the password); *passes: it is the process that lacks something, not the text.
 */
bool conninfo_read(struct conninfo *conninfo, const char *text, struct arena *arena, const char **defect,
		   bool *passes);

/*
 * Begins to connect to one address of one host (NULL for a socket); go on with PQconnectPoll.  Nothing is
 * looked up.  NULL: out of memory.  What the text does not say is set so that a dead peer is found within 5
 * seconds.
 */
PGconn *conninfo_connect_start(const struct conninfo *conninfo, const struct conninfo_host *host,
			       const char *address);

/* What libpq said last, in one line. */
void conninfo_error(const PGconn *pg, char *text, size_t size);

/* Makes one line of several. */
void conninfo_join_lines(char *text);

#endif
