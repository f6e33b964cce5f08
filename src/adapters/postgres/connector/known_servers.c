/* Decides which server the sessions of a process use, and which addresses are tried last. */
#include "adapters/postgres/connector/known_servers.h"

#include "adapters/system/instants.h"
#include "core/base/must.h"

#include <stdio.h>
#include <string.h>

/* When all entries are in use, the oldest one is replaced. */
#define SUSPECTS_MAX 16
#define SUSPECT_MS   30000

struct suspect {
	char key[SERVER_KEY_SIZE];
	int64_t until_ms;
};

struct known_servers {
	struct server_user *users;
	struct server_identity newest; /* of the server that sessions may be on */
	struct suspect suspects[SUSPECTS_MAX];
};

struct known_servers *known_servers_new(void)
{
	return must_alloc(sizeof(struct known_servers));
}

void known_servers_free(struct known_servers **servers)
{
	free(*servers);
	*servers = NULL;
}

void known_servers_join(struct known_servers *servers, struct server_user *user)
{
	if (!servers)
		return;
	user->next = servers->users;
	user->link = &servers->users;
	if (user->next)
		user->next->link = &user->next;
	servers->users = user;
}

void known_servers_leave(struct server_user *user)
{
	if (!user->link)
		return;
	*user->link = user->next;
	if (user->next)
		user->next->link = user->link;
	user->link = NULL;
}

/* ---- addresses that are tried last ---- */

void known_servers_suspect(struct known_servers *servers, const char *key)
{
	struct suspect *slot;

	if (!servers)
		return;
	slot = servers->suspects;
	for (struct suspect *it = slot; it < servers->suspects + SUSPECTS_MAX; it++) {
		if (!strcmp(it->key, key)) {
			slot = it;
			break;
		}
		if (it->until_ms < slot->until_ms)
			slot = it;
	}
	snprintf(slot->key, sizeof slot->key, "%s", key);
	slot->until_ms = monotonic_ms() + SUSPECT_MS;
}

bool known_servers_is_suspect(const struct known_servers *servers, const char *key)
{
	for (size_t i = 0; servers && i < SUSPECTS_MAX; i++) {
		if (!strcmp(servers->suspects[i].key, key))
			return monotonic_ms() < servers->suspects[i].until_ms;
	}
	return false;
}

/* ---- sessions ---- */

static bool is_elsewhere(const struct server_user *user, const struct server_identity *newest)
{
	return user->identity.system &&
	       (user->identity.system != newest->system || user->identity.timeline < newest->timeline);
}

static void give_up_elsewhere(struct known_servers *servers)
{
	for (struct server_user *it = servers->users; it; it = it->next) {
		if (it->in_session && is_elsewhere(it, &servers->newest))
			it->give_up(it->context, "the other sessions moved to a newer server");
	}
}

/* Only a store's session may move to another system; the other sessions follow it. */
static bool may_enter(const struct known_servers *servers, const struct server_user *user)
{
	const struct server_identity *newest = &servers->newest;

	if (user->identity.system == newest->system)
		return user->identity.timeline >= newest->timeline;
	return !newest->system || user->is_store;
}

bool known_servers_enter(struct known_servers *servers, struct server_user *user)
{
	if (servers && user->identity.system) {
		if (!may_enter(servers, user)) {
			known_servers_suspect(servers, user->key);
			return false;
		}
		servers->newest = user->identity;
		give_up_elsewhere(servers);
	}
	user->in_session = true;
	return true;
}

static bool ends_with(const struct server_user *it, const struct server_user *user, bool silently)
{
	if (it == user || !it->in_session || strcmp(it->key, user->key) != 0)
		return false;
	return silently || (user->is_store && !it->is_store && !it->identity.system);
}

void known_servers_exit(struct known_servers *servers, struct server_user *user, bool silently)
{
	bool was_in_session = user->in_session;

	user->in_session = false;
	if (!servers || !was_in_session)
		return;
	if (silently)
		known_servers_suspect(servers, user->key);
	for (struct server_user *it = servers->users; it; it = it->next) {
		if (ends_with(it, user, silently))
			it->give_up(it->context, silently
							 ? "the server did not answer another session in time"
							 : "a session that writes was lost");
	}
}
