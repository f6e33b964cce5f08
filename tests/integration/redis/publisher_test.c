/* The broker port on a real Redis: rows behind their fence, through losses, refusals and lack of memory. */
#include "adapters/redis/publisher/fence.h"

#include "support/suites.h"
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1024 * 1024)

/* What was answered, in order: "a=12/3 " is call a: all up to 12 went out, 3 events by it; "A " failed. */
static char answers[1024];
static char failure_text[256];
static enum failure_kind failure_kind;

static void on_done(void *context, const struct published *published, const struct failure *failure)
{
	char letter = *(const char *)context;
	size_t size = strlen(answers);

	if (!failure) {
		snprintf(answers + size, sizeof answers - size, "%c=%lld/%zu ", letter,
			 (long long)published->position, published->events);
		return;
	}
	failure_kind = failure->kind;
	snprintf(failure_text, sizeof failure_text, "%s", failure->text);
	snprintf(answers + size, sizeof answers - size, "%c ", letter - 'a' + 'A');
}

/* Of one letter a call. */
static bool answered(const char *letters)
{
	size_t count = 0;

	for (const char *answer = answers; *answer; answer++)
		count += *answer == ' ';
	return count >= strlen(letters);
}

/* ---- rows: "7=one,two 8= 9=!three": two events in row 7, none in 8, one that is out of stock in 9 ---- */

static struct outgoing event_from(const char *text)
{
	bool is_unknown = *text == '?', is_out_of_stock = *text == '!';
	enum message_type type = is_unknown        ? MSG_NONE
				 : is_out_of_stock ? MSG_OUT_OF_STOCK
						   : MSG_LINE_ALLOCATED;

	text += is_unknown || is_out_of_stock;
	return (struct outgoing){type, {text, strlen(text)}};
}

static struct outgoing_row row_from(char *text)
{
	struct outgoing_row row = {.position = strtoll(text, &text, 10)};
	struct outgoing *events = NULL;
	char *rest;

	for (char *name = strtok_r(text + 1, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		events = arena_grow(world.arena, events, row.count, sizeof *events);
		events[row.count++] = event_from(name);
	}
	row.events = events;
	return row;
}

static struct publication *publication_from(int64_t known, const char *text)
{
	struct publication *publication = arena_alloc(world.arena, sizeof *publication);
	struct outgoing_row *rows = NULL;
	size_t count = 0;
	char *rest;

	for (char *row = strtok_r(arena_strdup(world.arena, text), " ", &rest); row;
	     row = strtok_r(NULL, " ", &rest)) {
		rows = arena_grow(world.arena, rows, count, sizeof *rows);
		rows[count++] = row_from(row);
	}
	*publication = (struct publication){
		.incarnation = "one", .partition = 3, .known = known, .rows = rows, .row_count = count};
	return publication;
}

static void submit(struct redis_publisher *publisher, const struct publication *publication,
		   const char *letter)
{
	struct broker *broker = redis_publisher_broker(publisher);
	char *context = (char *)(uintptr_t)letter;
	size_t before = strlen(answers);

	broker->ops->publish(broker, publication, on_done, context);
	ck_assert_uint_eq(strlen(answers), before);
}

/* Who knows that everything up to `known` is out publishes these rows. */
static void publish(const char *letter, int64_t known, const char *rows)
{
	submit(world.publisher, publication_from(known, rows), letter);
}

/* The same, and waits for the answer. */
static const char *publish_now(const char *letter, int64_t known, const char *rows)
{
	answers[0] = '\0';
	publish(letter, known, rows);
	run_until(answered("a"));
	return answers;
}

/* ---- the world ---- */

static redisContext *listener; /* another program that subscribes to line_allocated and out_of_stock */

/* All that subscribers received until now, "one two "; valid until the next call. */
static const char *heard(void)
{
	static char text[4096];
	redisReply *reply;

	text[0] = '\0';
	redisAppendCommand(listener, "PING end");
	for (;;) {
		ck_assert_int_eq(redisGetReply(listener, (void **)&reply), REDIS_OK);
		if (!strcmp(reply->element[0]->str, "pong"))
			break;
		if (!strcmp(reply->element[0]->str, "message"))
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s ",
				 reply->element[2]->str);
		freeReplyObject(reply);
	}
	freeReplyObject(reply);
	return text;
}

static void hear_events(void)
{
	listener = server_control(&world.server);
	freeReplyObject(redisCommand(listener, "SUBSCRIBE p:line_allocated p:out_of_stock"));
	heard();
}

static void use_stream(void)
{
	redis_publisher_free(&world.publisher);
	start_publisher("events");
	run_until(publisher_is_up());
}

static void setup(void)
{
	world_setup();
	memset(answers, 0, sizeof answers);
	start_server(NULL, 0);
	use_url("redis://127.0.0.1:%d", world.server.port);
	start_publisher(NULL);
	run_until(publisher_is_up());
	hear_events();
}

static void teardown(void)
{
	redisFree(listener);
	world_teardown();
}

/* The payloads in the stream of events, the same way. */
static const char *kept(void)
{
	static char text[4096];
	redisReply *reply = redisCommand(world.control, "XRANGE p:events - +");

	text[0] = '\0';
	for (size_t i = 0; i < reply->elements; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s ",
			 reply->element[i]->element[1]->element[3]->str);
	freeReplyObject(reply);
	return text;
}

static long long script_calls(void)
{
	redisReply *reply = redisCommand(world.control, "INFO commandstats");
	const char *line = strstr(reply->str, "cmdstat_evalsha:calls=");
	long long calls = line ? strtoll(line + strlen("cmdstat_evalsha:calls="), NULL, 10) : 0;

	freeReplyObject(reply);
	return calls;
}

static const struct redis_publisher_stats *stats(void)
{
	return redis_publisher_stats(world.publisher);
}

/* ---- publishing ---- */

static const struct {
	enum message_type type;
	const char *channel;
} channels[] = {
	{MSG_LINE_ALLOCATED, "p:line_allocated"},
	{MSG_LINE_DEALLOCATED, "p:line_deallocated"},
	{MSG_OUT_OF_STOCK, "p:out_of_stock"},
};

START_TEST(an_event_goes_to_the_channel_of_its_name)
{
	redisContext *context = server_control(&world.server);
	struct outgoing one = {channels[_i].type, {"a\0\r\n", 4}};
	struct outgoing_row row = {1, &one, 1};
	redisReply *reply;

	freeReplyObject(redisCommand(context, "SUBSCRIBE %s", channels[_i].channel));
	submit(world.publisher, &(struct publication){.incarnation = "one", .rows = &row, .row_count = 1},
	       "a");
	run_until(answered("a"));

	ck_assert_int_eq(redisGetReply(context, (void **)&reply), REDIS_OK);
	ck_assert_uint_eq(reply->element[2]->len, 4);
	ck_assert_mem_eq(reply->element[2]->str, "a\0\r\n", 4);
	freeReplyObject(reply);
	redisFree(context);
}
END_TEST

START_TEST(rows_are_published_in_order)
{
	publish("a", 0, "1=one,two 2= 3=three");
	publish("b", 0, "4=!four");
	publish("c", 0, "");
	run_until(answered("abc"));

	ck_assert_str_eq(answers, "a=3/3 b=4/1 c=4/0 ");
	ck_assert_str_eq(heard(), "one two three four ");
	ck_assert_uint_eq(stats()->published, 4);
	ck_assert_uint_eq(stats()->nobody_heard, 0);
}
END_TEST

START_TEST(an_event_of_an_unknown_type_is_left_out)
{
	ck_assert_str_eq(publish_now("a", 0, "1=?new,one 2=?new 3=two"), "a=3/2 ");
	ck_assert_str_eq(heard(), "one two ");
}
END_TEST

static bool somebody_hears(void)
{
	redisReply *heard_of = redisCommand(world.control, "PUBSUB CHANNELS p:line_allocated");
	bool hears = heard_of->elements;

	freeReplyObject(heard_of);
	return hears;
}

START_TEST(an_event_without_a_subscriber_is_counted)
{
	redisFree(listener);
	run_until(!somebody_hears());
	ck_assert_str_eq(publish_now("a", 0, "1=one,two"), "a=1/2 ");
	hear_events();
	ck_assert_str_eq(publish_now("b", 1, "2=three"), "b=2/1 ");

	ck_assert_uint_eq(stats()->published, 3);
	ck_assert_uint_eq(stats()->nobody_heard, 2);
}
END_TEST

/* ---- the fence ---- */

static const struct {
	int64_t known; /* to the publisher */
	const char *rows, *answer, *heard;
} behind_ten[] = {
	/* Everything up to 10 is out. */
	{0, "9=x 10=y", "a=10/0 ", ""},    {0, "9=x 10=y 11=z 12=w", "a=12/2 ", "z w "},
	{10, "11=z", "a=11/1 ", "z "},     {0, "12=w", "a=10/0 ", ""},
	{0, "11=z 13=v", "a=11/1 ", "z "}, {12, "12=w 13=v", "a=13/1 ", "v "},
	{12, "14=u", "a=12/0 ", ""},       {12, "", "a=12/0 ", ""},
	{0, "11= 12=w", "a=12/1 ", "w "},
};

START_TEST(rows_are_published_behind_the_fence_without_gaps)
{
	publish_now("a", 0, "1=1 2=2 3=3 4=4 5=5 6=6 7=7 8=8 9=9 10=10");
	heard();

	ck_assert_str_eq(publish_now("a", behind_ten[_i].known, behind_ten[_i].rows), behind_ten[_i].answer);

	ck_assert_str_eq(heard(), behind_ten[_i].heard);
}
END_TEST

START_TEST(a_call_whose_rows_follow_a_gap_is_counted)
{
	publish_now("a", 0, "1=one");
	ck_assert_uint_eq(stats()->gaps, 0);
	publish_now("b", 0, "3=three");
	publish_now("c", 0, "2=two 4=four");

	ck_assert_uint_eq(stats()->gaps, 2);
	ck_assert_uint_eq(stats()->refused, 0);
}
END_TEST

START_TEST(of_two_publishers_of_the_same_rows_each_row_goes_out_once)
{
	struct redis_publisher *first = world.publisher;
	uint64_t published;

	start_publisher(NULL);
	run_until(publisher_is_up());
	for (int64_t i = 1; i <= 50; i++) {
		const struct publication *publication =
			publication_from(0, arena_printf(world.arena, "%d=%d", (int)i, (int)i));

		submit(i % 3 ? first : world.publisher, publication, "a");
		submit(i % 3 ? world.publisher : first, publication, "b");
		run_until(answered("ab"));
		answers[0] = '\0';
		ck_assert_str_eq(heard(), arena_printf(world.arena, "%d ", (int)i));
	}

	published = stats()->published + redis_publisher_stats(first)->published;
	redis_publisher_free(&first);
	ck_assert_uint_eq(published, 50);
}
END_TEST

START_TEST(two_publishers_of_alternating_rows_wait_for_each_other)
{
	struct redis_publisher *first = world.publisher;

	start_publisher(NULL);
	run_until(publisher_is_up());
	submit(world.publisher, publication_from(0, "2=two"), "a");
	run_until(answered("a"));
	submit(first, publication_from(0, "1=one"), "b");
	run_until(answered("ab"));
	submit(world.publisher, publication_from(0, "2=two"), "c");
	run_until(answered("abc"));
	submit(first, publication_from(1, "3=three"), "d");
	run_until(answered("abcd"));

	ck_assert_str_eq(answers, "a=0/0 b=1/1 c=2/1 d=3/1 ");
	ck_assert_str_eq(heard(), "one two three ");
	redis_publisher_free(&first);
}
END_TEST

START_TEST(each_partition_and_each_incarnation_has_its_own_fence)
{
	struct publication *other = publication_from(0, "1=other"),
			   *restored = publication_from(0, "1=restored");

	publish_now("a", 0, "1=one 2=two");
	other->partition = 4;
	restored->incarnation = "two";
	submit(world.publisher, other, "b");
	submit(world.publisher, restored, "c");
	run_until(answered("abc"));

	ck_assert_str_eq(answers, "a=2/2 b=1/1 c=1/1 ");
	ck_assert_str_eq(heard(), "one two other restored ");
	ck_assert_int_eq(command("HLEN p:allocd:fence:one"), 2);
	ck_assert_int_eq(command("HLEN p:allocd:fence:two"), 1);
}
END_TEST

START_TEST(a_missing_fence_begins_at_the_position_that_the_caller_knows)
{
	ck_assert_str_eq(publish_now("a", 41, "42=one"), "a=42/1 ");
	command("FLUSHALL");
	ck_assert_str_eq(publish_now("b", 42, "43=two"), "b=43/1 ");
	command("FLUSHALL");
	ck_assert_str_eq(publish_now("c", 42, "45=four"), "c=42/0 ");

	ck_assert_str_eq(heard(), "one two ");
}
END_TEST

/* The largest numbers that Lua tells apart: one more and they would be equal. */
START_TEST(positions_up_to_two_to_the_53_are_exact)
{
	ck_assert_str_eq(publish_now("a", 9007199254740989, "9007199254740990=one"), "a=9007199254740990/1 ");
	ck_assert_str_eq(publish_now("b", 0, "9007199254740990=one 9007199254740991=two"),
			 "b=9007199254740991/1 ");
	ck_assert_str_eq(publish_now("c", 0, "9007199254740991=two"), "c=9007199254740991/0 ");
}
END_TEST

START_TEST(unused_fences_expire)
{
	long long life_ms;

	publish_now("a", 0, "1=one");
	command("PEXPIRE p:allocd:fence:one 1000");
	publish_now("b", 1, "2=two");

	life_ms = command("PTTL p:allocd:fence:one");
	ck_assert_int_gt(life_ms, 29LL * 24 * 60 * 60 * 1000);
	ck_assert_int_le(life_ms, 30LL * 24 * 60 * 60 * 1000);
}
END_TEST

START_TEST(a_script_that_redis_forgot_is_loaded_again)
{
	publish_now("a", 0, "1=one");
	command("SCRIPT FLUSH");
	publish("b", 1, "2=two");
	publish("c", 2, "3=three");
	run_until(answered("abc"));

	ck_assert_str_eq(answers, "a=1/1 b=2/1 c=3/1 ");
	ck_assert_str_eq(heard(), "one two three ");
	ck_assert_uint_eq(stats()->refused, 0);
}
END_TEST

/* ---- much at once ---- */

/* Rows of one event each; of all but the first byte of the payload zeroes. */
static struct publication *large_rows(const size_t *sizes, size_t count)
{
	struct publication *publication = arena_alloc(world.arena, sizeof *publication);
	struct outgoing_row *rows = arena_alloc(world.arena, count * sizeof *rows);
	struct outgoing *events = arena_alloc(world.arena, count * sizeof *events);

	for (size_t i = 0; i < count; i++) {
		char *payload = arena_alloc(world.arena, sizes[i]);

		payload[0] = (char)('a' + i);
		events[i] = (struct outgoing){MSG_LINE_ALLOCATED, {payload, sizes[i]}};
		rows[i] = (struct outgoing_row){(int64_t)i + 1, &events[i], 1};
	}
	*publication = (struct publication){.incarnation = "one", .rows = rows, .row_count = count};
	return publication;
}

static const struct {
	size_t sizes[6], count;
	int calls;
} cuts[] = {
	{{MIB / 2, MIB / 2 - 1024}, 2, 1},
	{{MIB / 2, MIB / 2}, 2, 2},
	{{400000, 400000, 400000, 400000, 400000, 10}, 6, 3},
	{{10, 3 * MIB, 10, 10}, 4, 3},
};

START_TEST(a_call_is_of_a_mebibyte_at_most_or_of_one_row)
{
	const char *letters = "a b c d e f ";

	submit(world.publisher, large_rows(cuts[_i].sizes, cuts[_i].count), "a");
	run_until(answered("a"));

	ck_assert_str_eq(answers, arena_printf(world.arena, "a=%zu/%zu ", cuts[_i].count, cuts[_i].count));
	ck_assert_int_eq(script_calls(), cuts[_i].calls);
	ck_assert_int_eq(strncmp(heard(), letters, 2 * cuts[_i].count), 0);
}
END_TEST

START_TEST(rows_behind_a_gap_are_not_sent)
{
	static const size_t sizes[] = {MIB, MIB, MIB};
	struct publication *publication = large_rows(sizes, 3);

	publication->rows++;
	publication->row_count--;
	submit(world.publisher, publication, "a");
	run_until(answered("a"));

	ck_assert_str_eq(answers, "a=0/0 ");
	ck_assert_int_eq(script_calls(), 1);
	ck_assert_str_eq(heard(), "");
}
END_TEST

/* What waits to be sent is bounded. */
START_TEST(calls_fail_while_redis_does_not_read_what_was_sent)
{
	enum { SIZE = 2 * 1024 * 1024 - 4096, CALLS = 26 };
	char *payload = calloc(1, SIZE);
	char letters[] = "abcdefghijklmnopqrstuvwxyz";
	struct outgoing large = {MSG_LINE_ALLOCATED, {payload, SIZE}};
	size_t accepted;

	kill(world.server.pid, SIGSTOP);
	run_once();
	for (int i = 0; i < CALLS; i++) {
		publish_events(world.publisher, &large, 1, on_done, &letters[i]);
		run_for(20);
	}
	run_for(200);

	ck_assert_uint_lt(world.most_memory, PUBLISHER_OUTPUT_MAX + 3 * SIZE);
	ck_assert_int_eq(answers[strlen(answers) - 2], 'Z');
	ck_assert_ptr_null(strchr(answers, '='));
	accepted = CALLS - strlen(answers) / 2;
	kill(world.server.pid, SIGCONT);
	run_until(answered(letters));
	ck_assert_uint_eq(stats()->published, accepted);
	ck_assert_uint_gt(accepted, 0);
	free(payload);
}
END_TEST

/* ---- losing Redis ---- */

START_TEST(without_redis_a_call_fails_with_retry)
{
	server_kill(&world.server);
	run_until(!publisher_is_up());

	publish("a", 0, "1=one");
	publish("b", 0, "2=two");
	run_until(answered("ab"));

	ck_assert_str_eq(answers, "A B ");
	ck_assert_int_eq(failure_kind, FAILURE_RETRY);
	ck_assert_str_eq(failure_text, redis_publisher_trouble(world.publisher));
}
END_TEST

START_TEST(calls_under_way_are_answered_in_order_when_redis_dies)
{
	kill(world.server.pid, SIGSTOP);
	for (const char *letter = "abcde"; *letter; letter++)
		publish(letter, 0, "1=one");
	run_for(100);
	ck_assert_str_eq(answers, "");
	server_kill(&world.server);
	run_until(answered("abcde"));

	ck_assert_str_eq(answers, "A B C D E ");
	ck_assert_int_eq(failure_kind, FAILURE_RETRY);
	ck_assert_uint_eq(stats()->published, 0);
}
END_TEST

/* It comes back with nothing: neither fence nor script nor stream. */
START_TEST(events_are_published_to_a_redis_that_lost_its_data)
{
	use_stream();
	publish_now("a", 0, "1=one 2=two");
	kill(world.server.pid, SIGSTOP);
	publish("b", 2, "3=three");
	run_for(50);
	server_kill(&world.server);
	run_until(answered("ab"));
	ck_assert_str_eq(answers, "a=2/2 B ");
	server_restart(&world.server);
	run_until(publisher_is_up());
	redisReconnect(world.control);

	ck_assert_str_eq(publish_now("c", 2, "3=three 4=four"), "c=4/2 ");
	ck_assert_str_eq(kept(), "three four ");
	ck_assert_ptr_null(redis_publisher_trouble(world.publisher));
}
END_TEST

static size_t retries;

static void on_done_retry(void *context, const struct published *published, const struct failure *failure)
{
	static const struct outgoing one = {MSG_LINE_ALLOCATED, {"x", 1}};

	if (failure && ++retries)
		publish_events(world.publisher, &one, 1, on_done_retry, context);
	else
		on_done(context, published, failure);
}

START_TEST(a_caller_that_retries_at_once_does_not_stop_the_loop)
{
	static char letter[] = "a";
	static const struct failure nothing = {FAILURE_RETRY, ""};

	server_kill(&world.server);
	run_until(!publisher_is_up());
	retries = 0;
	on_done_retry(letter, NULL, &nothing);
	run_for(50);
	ck_assert_uint_gt(retries, 1);
	server_restart(&world.server);
	run_until(answered("a"));

	ck_assert_int_eq(answers[0], 'a');
}
END_TEST

START_TEST(a_freed_object_answers_no_calls)
{
	kill(world.server.pid, SIGSTOP);
	publish("a", 0, "1=one");
	run_for(50);
	server_kill(&world.server);
	run_until(!publisher_is_up());
	answers[0] = '\0';
	publish("b", 0, "1=one");
	redis_publisher_free(&world.publisher);
	run_for(50);

	ck_assert_str_eq(answers, "");
	ck_assert_ptr_null(world.publisher);
}
END_TEST

START_TEST(a_dropped_publisher_connects_again)
{
	kill(world.server.pid, SIGSTOP);
	publish("a", 0, "1=one");
	redis_publisher_drop(world.publisher, "for a test");
	ck_assert_str_eq(answers, "A ");
	ck_assert_str_eq(failure_text, "for a test");
	kill(world.server.pid, SIGCONT);
	run_until(publisher_is_up());

	publish_now("b", 1, "2=two");
	ck_assert_str_eq(answers, "b=2/1 ");
}
END_TEST

/* ---- what Redis refuses ---- */

static const struct {
	const char *trouble, *cure;
	const char *words;
} troubles[] = {
	{"SET p:events x", "DEL p:events", "WRONGTYPE"},
	{"SET p:allocd:fence:one x", "DEL p:allocd:fence:one", "WRONGTYPE"},
	{"ACL SETUSER default -evalsha", "ACL SETUSER default +evalsha", "NOPERM"},
	{"ACL SETUSER default -hget", "ACL SETUSER default +hget", "must allow hget"},
	{"ACL SETUSER default -hset", "ACL SETUSER default +hset", "must allow hget"},
	{"ACL SETUSER default -pexpire", "ACL SETUSER default +pexpire", "must allow hget"},
	{"ACL SETUSER default -xadd", "ACL SETUSER default +xadd", "must allow hget"},
	{"ACL SETUSER default -publish", "ACL SETUSER default +publish", "the ACL of the user"},
	{"ACL SETUSER default resetkeys ~p:allocd:*", "ACL SETUSER default allkeys", "NOPERM"},
	{"CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0", "NOREPLICAS"},
};

/* Scripts can ask for rights since version 7. */
static bool tells_channels(void)
{
	redisReply *reply = redisCommand(world.control, "EVAL %s 0", "return redis.acl_check_cmd and 1 or 0");
	bool tells = reply->integer;

	freeReplyObject(reply);
	return tells;
}

/* At every retry nothing of the row is published or kept before Redis takes it as a whole. */
START_TEST(a_refused_row_is_retried_and_no_event_of_it_is_published)
{
	use_stream();
	command(troubles[_i].trouble);
	for (size_t i = 0; i < 5; i++)
		publish(&"abcde"[i], 0, "1=one,two 2=three");
	run_until(answered("abcde"));

	ck_assert_str_eq(answers, "A B C D E ");
	ck_assert_int_eq(failure_kind, FAILURE_RETRY);
	ck_assert_msg(strstr(failure_text, troubles[_i].words), "%s", failure_text);
	ck_assert_uint_eq(log_lines("Redis refuses events"), 1);
	ck_assert_uint_eq(stats()->refused, 5);
	ck_assert_str_eq(heard(), "");
	ck_assert(publisher_is_up());

	command(troubles[_i].cure);
	ck_assert_str_eq(publish_now("f", 0, "1=one,two 2=three"), "f=2/3 ");
	ck_assert_str_eq(heard(), "one two three ");
	/* Before version 7 the stream has the events again of which only the channel is refused. */
	if (tells_channels() || !strstr(troubles[_i].trouble, "publish"))
		ck_assert_str_eq(kept(), "one two three ");
	ck_assert_uint_eq(stats()->published, 3);
}
END_TEST

START_TEST(rows_before_the_one_that_is_refused_stay_behind_the_fence)
{
	use_stream();
	command("ACL SETUSER default resetchannels &p:line_allocated");
	for (size_t i = 0; i < 3; i++)
		publish(&"abc"[i], 0, "1=one 2=two,!three 3=four");
	run_until(answered("abc"));
	ck_assert_str_eq(answers, "A B C ");
	if (!tells_channels())
		return; /* before version 7 Redis refuses only what is on its way, and does not name it */
	ck_assert_ptr_nonnull(strstr(failure_text, "p:out_of_stock"));
	ck_assert_str_eq(kept(), "one ");
	ck_assert_uint_eq(stats()->published, 1);

	command("ACL SETUSER default allchannels");
	ck_assert_str_eq(publish_now("d", 0, "1=one 2=two,!three 3=four"), "d=3/3 ");
	ck_assert_str_eq(kept(), "one two three four ");
}
END_TEST

START_TEST(a_fence_that_could_not_be_read_stays_where_it_is)
{
	publish_now("a", 0, "1=one 2=two");
	command("ACL SETUSER default -hget");
	publish_now("b", 0, "1=one 2=two");
	command("ACL SETUSER default +hget");

	ck_assert_str_eq(publish_now("c", 0, "1=one 2=two 3=three"), "c=3/1 ");
}
END_TEST

/* The stream has room for one entry more, whose id is the last there is. */
START_TEST(no_event_is_published_of_a_row_that_the_stream_took_in_part)
{
	use_stream();
	command("XADD p:events 18446744073709551615-18446744073709551614 type x data x");
	publish("a", 0, "1=one,two");
	publish("b", 0, "1=one,two");
	run_until(answered("ab"));

	ck_assert_str_eq(answers, "A B ");
	ck_assert_str_eq(heard(), "");
}
END_TEST

/* Redis 6.2, of whose words this Redis is made to answer an HSET with. */
START_TEST(an_error_of_an_older_redis_is_reported_with_its_code)
{
	const char *script = arena_printf(world.arena,
					  "local newer = redis "
					  "local redis = {call = function(name, ...) "
					  "  if name ~= 'HSET' then return newer.call(name, ...) end "
					  "  error('@user_script: 12: -OOM command not allowed.\\r\\n', 0) "
					  "end} %s",
					  fence_script);
	redisReply *reply =
		redisCommand(world.control, "EVAL %s 1 p:f 3 7 1000 10 p: 8 1 line_allocated x", script);

	ck_assert_uint_eq(reply->elements, 4);
	ck_assert_int_eq(reply->element[0]->integer, 7);
	ck_assert_int_eq(reply->element[3]->type, REDIS_REPLY_ERROR);
	ck_assert_int_eq(strncmp(reply->element[3]->str, "OOM command", strlen("OOM command")), 0);
	freeReplyObject(reply);
}
END_TEST

START_TEST(a_script_that_may_not_be_loaded_is_reported)
{
	command("ACL SETUSER me on >pw ~* &* +@all -script");
	redis_publisher_free(&world.publisher);
	use_url("redis://me:pw@127.0.0.1:%d", world.server.port);
	start_publisher(NULL);
	run_until(log_lines("cannot reach Redis"));

	ck_assert(!publisher_is_up());
	ck_assert_uint_eq(log_lines("SCRIPT LOAD: NOPERM"), 1);
	ck_assert_ptr_nonnull(strstr(redis_publisher_trouble(world.publisher), "ACL"));
	command("ACL SETUSER me +script|load");
	run_until(publisher_is_up());
}
END_TEST

/* ---- a Redis without memory ---- */

static const char *const no_memory = "Redis is out of memory: events go out past fence";
static const char *const memory_again = "Redis has memory again";

START_TEST(without_memory_events_are_published_without_the_fence)
{
	use_stream();
	publish_now("a", 0, "1=one");
	command("CONFIG SET maxmemory 1");
	publish("b", 1, "2=two,three 3= 4=!four");
	run_until(answered("ab"));
	publish("c", 4, "5=five");
	run_until(answered("abc"));
	command("CONFIG SET maxmemory 0");

	ck_assert_str_eq(answers, "a=1/1 b=4/3 c=5/1 ");
	ck_assert_str_eq(heard(), "one two three four five ");
	ck_assert_str_eq(kept(), "one ");
	ck_assert_uint_eq(stats()->published, 5);
	ck_assert_uint_eq(stats()->unfenced, 4);
	ck_assert_uint_eq(stats()->refused, 0);
	ck_assert_uint_eq(log_lines(no_memory), 1);
}
END_TEST

START_TEST(without_memory_the_position_of_the_fence_is_kept_as_known)
{
	publish_now("a", 0, "1=one 2=two");
	command("CONFIG SET maxmemory 1");
	ck_assert_str_eq(publish_now("b", 0, "1=one 2=two"), "b=2/0 ");
	ck_assert_str_eq(publish_now("c", 0, "2=two 3=three 5=five"), "c=3/1 ");
	ck_assert_str_eq(publish_now("d", 0, "5=five"), "d=2/0 ");
	command("CONFIG SET maxmemory 0");

	ck_assert_str_eq(heard(), "one two three ");
	ck_assert_uint_eq(stats()->gaps, 2);
	ck_assert_uint_eq(stats()->unfenced, 1);
}
END_TEST

START_TEST(the_fence_advances_once_redis_has_memory_again)
{
	int64_t row = 4;

	use_stream();
	command("CONFIG SET maxmemory 1");
	ck_assert_str_eq(publish_now("a", 0, "1=one 2=two 3=three"), "a=3/3 ");
	command("CONFIG SET maxmemory 0");
	ck_assert_str_eq(publish_now("b", 3, "4=four"), "b=4/1 ");
	ck_assert_str_eq(kept(), "four ");
	ck_assert_str_eq(publish_now("c", 0, "2=two 3=three 4=four"), "c=4/0 ");
	ck_assert_str_eq(heard(), "one two three four ");
	ck_assert_uint_eq(log_lines(memory_again), 0);

	for (; !log_lines(memory_again); row++)
		publish_now("d", row, "");
	command("CONFIG SET maxmemory 1");
	publish_now("e", row, "");
	command("CONFIG SET maxmemory 0");
	ck_assert_uint_eq(log_lines(no_memory), 2);
}
END_TEST

START_TEST(memory_that_runs_out_during_a_call_is_noticed_by_the_next_call)
{
	static const size_t sizes[] = {MIB, MIB, MIB};

	command("CONFIG SET maxmemory 1");
	submit(world.publisher, large_rows(sizes, 3), "a");
	run_until(answered("a"));
	command("CONFIG SET maxmemory 0");

	ck_assert_str_eq(answers, "a=3/3 ");
	ck_assert_str_eq(heard(), "a b c ");
	ck_assert_uint_eq(stats()->unfenced, 3);
}
END_TEST

START_TEST(the_publisher_connects_without_memory_too)
{
	command("CONFIG SET maxmemory 1");
	redis_publisher_free(&world.publisher);
	start_publisher(NULL);
	run_until(publisher_is_up());
	ck_assert_str_eq(publish_now("a", 0, "1=one"), "a=1/1 ");
	command("CONFIG SET maxmemory 0");

	ck_assert_str_eq(heard(), "one ");
}
END_TEST

START_TEST(an_event_that_is_refused_without_the_fence_fails_the_call)
{
	command("CONFIG SET maxmemory 1");
	command("ACL SETUSER default resetchannels &p:line_allocated");
	publish("a", 0, "1=one 2=!two 3=three");
	run_until(answered("a"));
	ck_assert_str_eq(answers, "A ");
	ck_assert_ptr_nonnull(strstr(failure_text, "NOPERM"));

	publish("b", 0, "1=one");
	kill(world.server.pid, SIGSTOP);
	run_for(20);
	server_kill(&world.server);
	run_until(answered("ab"));
}
END_TEST

/* ---- the stream of events ---- */

START_TEST(the_event_stream_keeps_what_was_published)
{
	redisReply *reply;

	use_stream();
	publish_now("a", 0, "1=!one 2=two");

	ck_assert_str_eq(heard(), "one two ");
	reply = redisCommand(world.control, "XRANGE p:events - +");
	ck_assert_uint_eq(reply->elements, 2);
	for (size_t i = 0; i < 2; i++) {
		redisReply *fields = reply->element[i]->element[1];

		ck_assert_uint_eq(fields->elements, 4);
		ck_assert_str_eq(fields->element[0]->str, "type");
		ck_assert_str_eq(fields->element[1]->str, i ? "line_allocated" : "out_of_stock");
		ck_assert_str_eq(fields->element[2]->str, "data");
		ck_assert_str_eq(fields->element[3]->str, i ? "two" : "one");
	}
	freeReplyObject(reply);
}
END_TEST

START_TEST(the_event_stream_is_trimmed)
{
	enum { PORTION = 5000, CALLS = 22 };
	static struct outgoing events[PORTION];
	static char letters[] = "abcdefghijklmnopqrstuv";

	use_stream();
	for (int i = 0; i < PORTION; i++)
		events[i] = (struct outgoing){MSG_OUT_OF_STOCK, {"x", 1}};
	for (int i = 0; i < CALLS; i++)
		publish_events(world.publisher, events, PORTION, on_done, &letters[i]);
	run_until(answered(letters));

	ck_assert_uint_eq(stats()->published, PORTION * CALLS);
	ck_assert_int_ge(command("XLEN p:events"), 100000);
	ck_assert_int_le(command("XLEN p:events"), 101000);
}
END_TEST

/* ---- what is no event ---- */

START_TEST(a_signal_is_published_and_is_no_event)
{
	redisContext *context = server_control(&world.server);
	redisReply *reply;

	freeReplyObject(redisCommand(context, "SUBSCRIBE p:allocd:quiet"));
	redis_publisher_signal(world.publisher, "allocd:quiet", (struct bytes){"token", 5});
	publish_now("a", 0, "1=one");

	ck_assert_int_eq(redisGetReply(context, (void **)&reply), REDIS_OK);
	ck_assert_str_eq(reply->element[2]->str, "token");
	ck_assert_uint_eq(stats()->published, 1);
	freeReplyObject(reply);
	redisFree(context);
}
END_TEST

START_TEST(a_refused_signal_is_logged_once)
{
	command("ACL SETUSER default resetchannels &p:line_allocated");
	for (int i = 0; i < 3; i++) {
		redis_publisher_signal(world.publisher, "allocd:quiet", (struct bytes){"token", 5});
		publish_now("a", 0, "1=one");
	}

	ck_assert_uint_eq(log_lines("Redis refuses signals"), 1);
	ck_assert_uint_eq(stats()->refused, 0);
}
END_TEST

START_TEST(without_redis_a_signal_is_dropped)
{
	server_kill(&world.server);
	run_until(!publisher_is_up());

	redis_publisher_signal(world.publisher, "allocd:quiet", (struct bytes){"token", 5});

	server_restart(&world.server);
	run_until(publisher_is_up());
}
END_TEST

SUITE("redis publisher", setup, teardown, .timeout_s = 120)
{
	tcase_add_loop_test(tests, an_event_goes_to_the_channel_of_its_name, 0, COUNT(channels));
	tcase_add_test(tests, rows_are_published_in_order);
	tcase_add_test(tests, an_event_of_an_unknown_type_is_left_out);
	tcase_add_test(tests, an_event_without_a_subscriber_is_counted);
	tcase_add_loop_test(tests, rows_are_published_behind_the_fence_without_gaps, 0, COUNT(behind_ten));
	tcase_add_test(tests, a_call_whose_rows_follow_a_gap_is_counted);
	tcase_add_test(tests, of_two_publishers_of_the_same_rows_each_row_goes_out_once);
	tcase_add_test(tests, two_publishers_of_alternating_rows_wait_for_each_other);
	tcase_add_test(tests, each_partition_and_each_incarnation_has_its_own_fence);
	tcase_add_test(tests, a_missing_fence_begins_at_the_position_that_the_caller_knows);
	tcase_add_test(tests, positions_up_to_two_to_the_53_are_exact);
	tcase_add_test(tests, unused_fences_expire);
	tcase_add_test(tests, a_script_that_redis_forgot_is_loaded_again);
	tcase_add_loop_test(tests, a_call_is_of_a_mebibyte_at_most_or_of_one_row, 0, COUNT(cuts));
	tcase_add_test(tests, rows_behind_a_gap_are_not_sent);
	tcase_add_test(tests, calls_fail_while_redis_does_not_read_what_was_sent);
	tcase_add_test(tests, without_redis_a_call_fails_with_retry);
	tcase_add_test(tests, calls_under_way_are_answered_in_order_when_redis_dies);
	tcase_add_test(tests, events_are_published_to_a_redis_that_lost_its_data);
	tcase_add_test(tests, a_caller_that_retries_at_once_does_not_stop_the_loop);
	tcase_add_test(tests, a_freed_object_answers_no_calls);
	tcase_add_test(tests, a_dropped_publisher_connects_again);
	tcase_add_loop_test(tests, a_refused_row_is_retried_and_no_event_of_it_is_published, 0,
			    COUNT(troubles));
	tcase_add_test(tests, rows_before_the_one_that_is_refused_stay_behind_the_fence);
	tcase_add_test(tests, a_fence_that_could_not_be_read_stays_where_it_is);
	tcase_add_test(tests, no_event_is_published_of_a_row_that_the_stream_took_in_part);
	tcase_add_test(tests, an_error_of_an_older_redis_is_reported_with_its_code);
	tcase_add_test(tests, a_script_that_may_not_be_loaded_is_reported);
	tcase_add_test(tests, without_memory_events_are_published_without_the_fence);
	tcase_add_test(tests, without_memory_the_position_of_the_fence_is_kept_as_known);
	tcase_add_test(tests, the_fence_advances_once_redis_has_memory_again);
	tcase_add_test(tests, memory_that_runs_out_during_a_call_is_noticed_by_the_next_call);
	tcase_add_test(tests, the_publisher_connects_without_memory_too);
	tcase_add_test(tests, an_event_that_is_refused_without_the_fence_fails_the_call);
	tcase_add_test(tests, the_event_stream_keeps_what_was_published);
	tcase_add_test(tests, the_event_stream_is_trimmed);
	tcase_add_test(tests, a_signal_is_published_and_is_no_event);
	tcase_add_test(tests, a_refused_signal_is_logged_once);
	tcase_add_test(tests, without_redis_a_signal_is_dropped);
}
