/*
 * The token of the admin API: whether a request carries it, and how often an address was wrong.
 *
 * Nothing here touches a socket.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_ADMIN_ADMIN_TOKEN_H
#define ALLOCD_ENTRYPOINTS_HTTP_ADMIN_ADMIN_TOKEN_H

#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Different wrong tokens from an address within a time; further ones are not even looked at.  The same one
 * counts once, so that a program with a token that was replaced locks no operator out.
 */
#define ADMIN_TRIES_MAX     5
#define ADMIN_TRIES_MS      60000
#define ADMIN_ADDRESSES_MAX 64
#define ADMIN_ADDRESS_MAX   64 /* bytes */

/* Where the token comes from; read for each request that carries one, so that a file may be replaced. */
struct admin_token_source {
	const char *(*read)(void *context, struct arena *arena, const char **error);
	void *context;
};

struct admin_tries {
	char address[ADMIN_ADDRESS_MAX]; /* of IPv6 the first 64 bits */
	int64_t since_ms;
	size_t count;                    /* 0: a free place */
	uint64_t wrong[ADMIN_TRIES_MAX]; /* the hashes of the tokens */
};

struct admin_token {
	struct admin_token_source source;
	bool is_set; /* at the start; never changes */
	struct admin_tries tries[ADMIN_ADDRESSES_MAX];
};

enum admin_verdict {
	ADMIN_TOKEN_OFF,     /* there is no token: nothing can be changed */
	ADMIN_TOKEN_MISSING, /* the request carries none */
	ADMIN_TOKEN_RIGHT,
	ADMIN_TOKEN_WRONG,
	ADMIN_TOKEN_LIMITED, /* too many were wrong */
};

void admin_token_init(struct admin_token *token, const struct admin_token_source *source);

/*
 * `authorization` may be NULL.  Counts a wrong token, once.  *retry_after_s is set when too many were wrong.
 */
enum admin_verdict admin_token_check(struct admin_token *token, const char *authorization,
				     const char *address, int64_t now_ms, int *retry_after_s);

#endif
