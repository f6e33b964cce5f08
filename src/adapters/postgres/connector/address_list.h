/*
 * The addresses that a connector tries, in the order of the connection string, and why each attempt failed.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_ADDRESS_LIST_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_ADDRESS_LIST_H

#include "adapters/postgres/connection/pg_error.h"
#include "adapters/postgres/connector/conninfo.h"

/* One address of one host; or a host whose name could not be looked up. */
struct server_address {
	struct server_address *next;
	const struct conninfo_host *host;
	const char *address; /* NULL: a socket, or a name that could not be looked up */
	const char *key;     /* see known_servers.h */
	bool tried;
	int tries;             /* how often the session's first statement was sent */
	struct pg_error error; /* why it failed */
};

struct address_list {
	struct server_address *first, **end;
};

void address_list_init(struct address_list *addresses);
struct server_address *address_list_add(struct address_list *addresses, struct arena *arena,
					const struct conninfo_host *host, const char *address);

/* Records that connecting to the server failed; the error's text begins with the server's name. */
void address_list_fail(struct server_address *server, enum failure_kind kind, const char *reason);

/* Joins the errors of all addresses in one line; the kind is FAILURE_FATAL if that of each error is. */
void address_list_describe(const struct address_list *addresses, struct pg_error *error);

#endif
