/* The sessions of a process are on one server: the newest one that has admitted one of them. */
#include "adapters/postgres/connector/known_servers.h"

#include "database.h"
#include "support/suites.h"

#include <stdio.h>
#include <string.h>

enum { STORE, OTHER_STORE, VIEWS, USERS };

struct session {
	struct server_user user;
	const char *given_up;
};

static struct known_servers *servers;
static struct session sessions[USERS];

static void give_up(void *context, const char *reason)
{
	struct session *session = context;

	session->given_up = reason;
}

static void set_up(void)
{
	servers = known_servers_new();
	for (int i = 0; i < USERS; i++) {
		sessions[i] = (struct session){.user = {.give_up = give_up, .is_store = i != VIEWS}};
		sessions[i].user.context = &sessions[i];
		known_servers_join(servers, &sessions[i].user);
	}
}

static void tear_down(void)
{
	for (int i = 0; i < USERS; i++)
		known_servers_leave(&sessions[i].user);
	known_servers_free(&servers);
}

static bool enter(int who, const char *key, uint64_t system, uint32_t timeline)
{
	struct server_user *user = &sessions[who].user;

	snprintf(user->key, sizeof user->key, "%s", key);
	user->identity = (struct server_identity){system, timeline};
	return known_servers_enter(servers, user);
}

static void leave(int who, bool silently)
{
	known_servers_exit(servers, &sessions[who].user, silently);
}

START_TEST(a_promotion_ends_every_session_on_the_old_primary)
{
	ck_assert(enter(STORE, "a", 7, 1));
	ck_assert(enter(OTHER_STORE, "a", 7, 1));
	ck_assert(enter(VIEWS, "a", 7, 1));

	leave(STORE, false);
	ck_assert(enter(STORE, "b", 7, 2));

	ck_assert_ptr_nonnull(sessions[VIEWS].given_up);
	ck_assert_ptr_nonnull(sessions[OTHER_STORE].given_up);
	ck_assert_ptr_null(sessions[STORE].given_up);
}
END_TEST

START_TEST(no_session_begins_on_an_old_primary_and_its_address_is_tried_last)
{
	ck_assert(enter(VIEWS, "b", 7, 3));
	ck_assert(!known_servers_is_suspect(servers, "a"));

	ck_assert(!enter(STORE, "a", 7, 2));
	ck_assert(!enter(OTHER_STORE, "a", 7, 1));

	ck_assert(known_servers_is_suspect(servers, "a"));
	ck_assert(!known_servers_is_suspect(servers, "b"));
	ck_assert(enter(STORE, "b", 7, 3));
}
END_TEST

START_TEST(views_follow_a_store_to_another_system)
{
	ck_assert(enter(STORE, "a", 7, 9));
	ck_assert(enter(VIEWS, "a", 7, 9));

	leave(STORE, false);
	ck_assert(enter(STORE, "b", 8, 1));

	ck_assert_ptr_nonnull(sessions[VIEWS].given_up);
	leave(VIEWS, false);
	ck_assert(!enter(VIEWS, "a", 7, 9));
	ck_assert(enter(VIEWS, "b", 8, 1));
}
END_TEST

START_TEST(a_silent_server_loses_all_of_its_sessions_and_no_other_does)
{
	enter(STORE, "a", 7, 1);
	enter(OTHER_STORE, "b", 7, 1);
	enter(VIEWS, "a", 7, 1);

	leave(STORE, true);

	ck_assert_ptr_nonnull(sessions[VIEWS].given_up);
	ck_assert_ptr_null(sessions[OTHER_STORE].given_up);
	ck_assert(known_servers_is_suspect(servers, "a"));
}
END_TEST

START_TEST(views_end_with_a_stores_session_on_a_server_without_identity)
{
	enter(STORE, "proxy", 0, 0);
	enter(OTHER_STORE, "proxy", 0, 0);
	enter(VIEWS, "proxy", 0, 0);

	leave(STORE, false);

	ck_assert_ptr_nonnull(sessions[VIEWS].given_up);
	ck_assert_ptr_null(sessions[OTHER_STORE].given_up);
}
END_TEST

START_TEST(a_lost_session_ends_no_other_on_a_server_with_identity)
{
	enter(STORE, "a", 7, 1);
	enter(VIEWS, "a", 7, 1);

	leave(STORE, false);
	leave(STORE, false);

	ck_assert_ptr_null(sessions[VIEWS].given_up);
	ck_assert(!known_servers_is_suspect(servers, "a"));
}
END_TEST

START_TEST(of_too_many_suspects_the_newest_are_remembered)
{
	char key[16];

	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof key, "host-%d", i);
		known_servers_suspect(servers, key);
		known_servers_suspect(servers, "always");
	}

	ck_assert(known_servers_is_suspect(servers, "host-99"));
	ck_assert(known_servers_is_suspect(servers, "always"));
	ck_assert(!known_servers_is_suspect(servers, "host-0"));
}
END_TEST

START_TEST(a_connection_without_shared_servers_works)
{
	known_servers_suspect(NULL, "a");
	ck_assert(!known_servers_is_suspect(NULL, "a"));
	ck_assert(known_servers_enter(NULL, &sessions[STORE].user));
	known_servers_exit(NULL, &sessions[STORE].user, true);
}
END_TEST

SUITE("known servers", set_up, tear_down, .only_if = database_is_direct)
{
	tcase_add_test(tests, a_promotion_ends_every_session_on_the_old_primary);
	tcase_add_test(tests, no_session_begins_on_an_old_primary_and_its_address_is_tried_last);
	tcase_add_test(tests, views_follow_a_store_to_another_system);
	tcase_add_test(tests, a_silent_server_loses_all_of_its_sessions_and_no_other_does);
	tcase_add_test(tests, views_end_with_a_stores_session_on_a_server_without_identity);
	tcase_add_test(tests, a_lost_session_ends_no_other_on_a_server_with_identity);
	tcase_add_test(tests, of_too_many_suspects_the_newest_are_remembered);
	tcase_add_test(tests, a_connection_without_shared_servers_works);
}
