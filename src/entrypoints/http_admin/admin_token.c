/* Checks the token of the admin API. */
#include "entrypoints/http_admin/admin_token.h"

#include "core/base/hash.h"
#include "entrypoints/http_server/http_gate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void admin_token_init(struct admin_token *token, const struct admin_token_source *source)
{
	struct arena *arena = arena_new(256);
	const char *error, *text;

	*token = (struct admin_token){.source = *source};
	text = source->read(source->context, arena, &error);
	token->is_set = text && *text;
	arena_free(&arena);
}

/* A client with an address of IPv6 has all of its /64, so these count as one. */
static void group_address(const char *address, char group[ADMIN_ADDRESS_MAX])
{
	struct in6_addr ip;

	snprintf(group, ADMIN_ADDRESS_MAX, "%s", address);
	if (inet_pton(AF_INET6, address, &ip) != 1 || IN6_IS_ADDR_V4MAPPED(&ip))
		return;
	memset(&ip.s6_addr[8], 0, 8);
	inet_ntop(AF_INET6, &ip, group, ADMIN_ADDRESS_MAX);
}

/* NULL: none was wrong within the time. */
static struct admin_tries *find_tries(struct admin_token *token, const char *address, int64_t now_ms)
{
	for (size_t i = 0; i < ADMIN_ADDRESSES_MAX; i++) {
		struct admin_tries *tries = &token->tries[i];

		if (tries->count && now_ms - tries->since_ms >= ADMIN_TRIES_MS)
			tries->count = 0;
		if (tries->count && !strcmp(tries->address, address))
			return tries;
	}
	return NULL;
}

/* A new address takes a free place, or that of the address that was wrong first. */
static struct admin_tries *add_tries(struct admin_token *token, const char *address, int64_t now_ms)
{
	struct admin_tries *oldest = &token->tries[0];

	for (size_t i = 1; i < ADMIN_ADDRESSES_MAX && oldest->count; i++) {
		struct admin_tries *tries = &token->tries[i];

		if (!tries->count || tries->since_ms < oldest->since_ms)
			oldest = tries;
	}
	*oldest = (struct admin_tries){.since_ms = now_ms};
	snprintf(oldest->address, sizeof oldest->address, "%s", address);
	return oldest;
}

static void count_wrong(struct admin_tries *tries, const char *given)
{
	uint64_t hash = hash_text(given);

	for (size_t i = 0; i < tries->count; i++) {
		if (tries->wrong[i] == hash)
			return;
	}
	tries->wrong[tries->count++] = hash;
}

/* A file that cannot be read has no token that could be right. */
static bool is_right(const struct admin_token *token, const char *given)
{
	struct arena *arena = arena_new(256);
	const char *error, *text = token->source.read(token->source.context, arena, &error);
	bool right = text && *text && http_token_is(given, text);

	arena_free(&arena);
	return right;
}

enum admin_verdict admin_token_check(struct admin_token *token, const char *authorization,
				     const char *address, int64_t now_ms, int *retry_after_s)
{
	const char *given = http_bearer_token(authorization);
	char group[ADMIN_ADDRESS_MAX];
	struct admin_tries *tries;

	if (!token->is_set)
		return ADMIN_TOKEN_OFF;
	if (!given)
		return ADMIN_TOKEN_MISSING;
	group_address(address, group);
	tries = find_tries(token, group, now_ms);
	if (tries && tries->count == ADMIN_TRIES_MAX) {
		*retry_after_s = (int)((tries->since_ms + ADMIN_TRIES_MS - now_ms + 999) / 1000);
		return ADMIN_TOKEN_LIMITED;
	}
	if (is_right(token, given))
		return ADMIN_TOKEN_RIGHT;
	count_wrong(tries ? tries : add_tries(token, group, now_ms), given);
	return ADMIN_TOKEN_WRONG;
}
