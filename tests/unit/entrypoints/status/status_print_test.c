/* What `allocd status` prints of a worker's answer, and its exit status. */
#include "core/base/arena.h"
#include "core/base/calendar.h"
#include "entrypoints/status_command/status_print.h"
#include "support/suites.h"

#include <stdlib.h>
#include <string.h>

static const char answer[] =
	"{\"at\":\"2026-11-29T12:03:03.000000Z\",\"name\":\"app-1:5005\",\"version\":\"1\",\"state\":\"not_ready\","
	"\"since\":\"2026-11-29T12:01:03.000000Z\",\"troubles\":[{\"code\":\"redis-unreachable\","
	"\"severity\":\"stop\",\"text\":\"refused\\u001b[2J\",\"since\":\"2026-11-29T09:03:03.000000Z\","
	"\"effect\":\"lost\",\"advice\":\"start Redis\"},{\"code\":\"queue-full\",\"severity\":\"note\","
	"\"text\":\"full\",\"since\":\"2026-11-29T12:02:20.000000Z\",\"effect\":\"waits\",\"advice\":\"wait\"}],"
	"\"doing\":{\"messages_per_s\":12.4,\"waiting\":3,\"parked_skus\":0,\"last_commit\":null},"
	"\"inputs\":[{\"kind\":\"pubsub\",\"name\":\"pubsub\",\"lease\":\"here\",\"is_read\":false},"
	"{\"kind\":\"stream\",\"name\":\"s\",\"lease\":\"elsewhere\",\"is_read\":false,\"in_flight\":1,\"pending\":2,"
	"\"lost\":0}],"
	"\"outputs\":{\"events_per_s\":0.0,\"unpublished\":214,\"unheard\":0},"
	"\"dead_letters\":{\"kept\":17,\"last_hour\":5,\"dropped\":0},"
	"\"replicas\":[{\"name\":\"app-1:5005\",\"is_this\":true,\"leases\":[\"pubsub\"]},"
	"{\"name\":\"app-2:5005\",\"is_this\":false,\"leases\":[]}]}";

static json_t *status;
static char *text;
static size_t size;

static void set_up(void)
{
	status = json_loads(answer, 0, NULL);
	ck_assert_ptr_nonnull(status);
}

static void tear_down(void)
{
	json_decref(status);
	free(text);
	text = NULL;
}

static const char *const lines[] = {
	"allocd 1 at app-1:5005   NOT READY since 2026-11-29T12:01:03.000000Z (2 m)\n",
	"\n  ! redis-unreachable  refused\\u001b[2J, for 3 h\n      effect: lost\n      next: start Redis\n",
	"\n  . queue-full  full, for 43 s\n",
	"\n  in        pubsub   NOT READ\n",
	"\n  in        s   read by another worker   in flight 1   pending 2   lost 0\n",
	"\n  work      12/s   waiting 3   parked SKUs 0   last commit -\n",
	"\n  out       0/s   unpublished 214   unheard 0\n",
	"\n  dead      17 kept   5 in the last hour   0 dropped\n",
	"\n  worker    app-1:5005 (this)   holds pubsub\n",
	"\n  worker    app-2:5005   standby\n",
};

START_TEST(an_operator_sees_what_is_wrong_and_what_to_do)
{
	FILE *out = open_memstream(&text, &size);
	int64_t now;

	ck_assert(instant_parse("2026-11-29T12:03:03Z", 20, &now));
	status_print(status, now, out);
	fclose(out);
	ck_assert_msg(strstr(text, lines[_i]) != NULL, "%s is not in\n%s", lines[_i], text);
}
END_TEST

START_TEST(a_line_names_the_state_and_the_codes)
{
	FILE *out = open_memstream(&text, &size);

	status_print_line(status, out);
	fclose(out);
	ck_assert_str_eq(text, "not_ready: redis-unreachable, queue-full\n");
}
END_TEST

static const struct {
	const char *state;
	int exit;
} exits[] = {{"healthy", 0}, {"degraded", 1}, {"not_ready", 2}, {"starting", 2}, {"stopping", 2}};

START_TEST(the_exit_status_is_that_of_the_state)
{
	json_object_set_new(status, "state", json_string(exits[_i].state));
	ck_assert_int_eq((int)status_exit(status), exits[_i].exit);
}
END_TEST

SUITE("status print", set_up, tear_down)
{
	tcase_add_loop_test(tests, an_operator_sees_what_is_wrong_and_what_to_do, 0,
			    (int)(sizeof lines / sizeof lines[0]));
	tcase_add_test(tests, a_line_names_the_state_and_the_codes);
	tcase_add_loop_test(tests, the_exit_status_is_that_of_the_state, 0,
			    (int)(sizeof exits / sizeof exits[0]));
}
