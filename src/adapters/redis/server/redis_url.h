/*
 * The address of Redis, and the credentials.
 *
 *     redis://[user][:password]@host[:port][/db]      rediss:// for TLS
 *     redis+unix://[[user][:password]@]/path[?db=N]
 *
 * User, password and path are percent-decoded.  An IPv6 address stands in brackets.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_SERVER_REDIS_URL_H
#define ALLOCD_ADAPTERS_REDIS_SERVER_REDIS_URL_H

#include "adapters/system/url_source.h"

#include <stdbool.h>
#include <stdint.h>

#define REDIS_HOST_MAX    255
#define REDIS_ADDRESS_MAX (REDIS_HOST_MAX + 10)

struct redis_url {
	bool tls;
	char *host; /* a name or an address, without brackets; NULL: a unix socket */
	uint16_t port;
	char *path;     /* of the unix socket, else NULL */
	char *user;     /* NULL: the default user */
	char *password; /* NULL: no password, or an empty one */
	int database;
	char address[REDIS_ADDRESS_MAX]; /* host:port or the path: for logs, without user and password */
};

/*
 * On failure returns false, leaves nothing to release, and *error says what is wrong but quotes nothing of
 * the URL.
 */
bool redis_url_parse(struct redis_url *url, const char *text, const char **error);

/* Parses the source's current URL.  *error may live in `arena`. */
bool redis_url_read(struct redis_url *url, const struct url_source *source, struct arena *arena,
		    const char **error);

/* The address in the source's current URL, for messages; "REDIS_URL" when it cannot be read. */
void redis_url_address(const struct url_source *source, char address[REDIS_ADDRESS_MAX]);

/* Whether both lead to the same server as the same user. */
bool redis_url_is_same(const struct redis_url *left, const struct redis_url *right);

/* Wipes the password. */
void redis_url_release(struct redis_url *url);

#endif
