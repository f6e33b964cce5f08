/*
 * The address of Redis, and the credentials.
 *
 *     redis://[user][:password]@host[:port][/db]      rediss:// for TLS
 *     redis+unix://[[user][:password]@]/path[?db=N]
 *     redis+sentinel://[user][:password]@host[:port],.../master[/db]      rediss+sentinel:// for TLS
 *
 * User, password and path are percent-decoded.  An IPv6 address stands in brackets.
 *
 * With sentinels, the URL has no host of its own until redis_url_redirect() sets the one that they answered.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_SERVER_REDIS_URL_H
#define ALLOCD_ADAPTERS_REDIS_SERVER_REDIS_URL_H

#include "adapters/system/url_source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_HOST_MAX      255
#define REDIS_ADDRESS_MAX   (REDIS_HOST_MAX + 10)
#define REDIS_SENTINELS_MAX 16

struct redis_sentinel {
	char *host;
	uint16_t port;
};

struct redis_url {
	bool tls;
	struct tls_files tls_files; /* of the source */
	char *host; /* a name or an address, without brackets; NULL: a unix socket, or not known yet */
	uint16_t port;
	char *path;   /* of the unix socket, else NULL */
	char *master; /* its name to the sentinels; NULL: the URL names no sentinels */
	struct redis_sentinel sentinels[REDIS_SENTINELS_MAX];
	size_t sentinel_count;
	char *origin;   /* what the URL names: host:port, the path, or the master and its sentinels */
	char *user;     /* NULL: the default user */
	char *password; /* NULL: no password, or an empty one */
	int database;
	char address[REDIS_ADDRESS_MAX]; /* host:port if known, else the origin: for logs, without a secret */
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

/* Reads a port as servers write it in their answers, all of the text up to `end`. */
bool redis_port_read(const char *text, const char *end, uint16_t *port);

/* From now on the URL leads to this server, which its sentinels or its cluster named.  `host` is copied. */
void redis_url_redirect(struct redis_url *url, const char *host, uint16_t port);

/* Whether both name the same origin and the same user. */
bool redis_url_is_same(const struct redis_url *left, const struct redis_url *right);

/* Wipes the password. */
void redis_url_release(struct redis_url *url);

#endif
