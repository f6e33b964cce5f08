/* One reader of a stream. */
#include "integration/redis/stream/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading reading;

static int64_t claim_idle;

/* ---- answers ---- */

static void note(struct answer *answer, const struct failure *failure)
{
	answer->came++;
	answer->failed = failure != NULL;
	if (!failure)
		return;
	answer->kind = failure->kind;
	snprintf(answer->text, sizeof answer->text, "%s", failure->text);
}

static void on_done(void *context, const struct failure *failure)
{
	note(context, failure);
}

static void on_looked(void *context, const struct stream_state *state, const struct failure *failure)
{
	if (state)
		reading.state = *state;
	note(context, failure);
}

static void on_claimed(void *context, const struct stream_claim *claim, const struct failure *failure)
{
	if (claim)
		reading.claimed = *claim;
	note(context, failure);
}

static void keep(struct told_entry *kept, const struct stream_entry *entry)
{
	size_t shown =
		entry->payload.size < sizeof kept->payload ? entry->payload.size : sizeof kept->payload - 1;

	*kept = (struct told_entry){.id = entry->id,
				    .gone = entry->gone,
				    .type = entry->type,
				    .kept = entry->payload.size,
				    .true_size = entry->payload_size};
	snprintf(kept->defect, sizeof kept->defect, "%s", entry->defect ? entry->defect : "");
	snprintf(kept->traceparent, sizeof kept->traceparent, "%s",
		 entry->traceparent ? entry->traceparent : "");
	snprintf(kept->message_id, sizeof kept->message_id, "%s", entry->message_id ? entry->message_id : "");
	snprintf(kept->origin, sizeof kept->origin, "%s", entry->origin ? entry->origin : "");
	if (shown)
		memcpy(kept->payload, entry->payload.data, shown);
}

static void on_read(void *context, const struct stream_entry *entries, size_t count,
		    const struct failure *failure)
{
	ck_assert_uint_le(count, STREAM_READ_MAX);
	reading.count = count;
	for (size_t i = 0; i < count; i++)
		keep(&reading.entries[i], &entries[i]);
	note(context, failure);
}

void expect_good(struct answer *answer)
{
	run_until(answer->came);
	ck_assert_uint_eq(answer->came, 1);
	ck_assert_msg(!answer->failed, "%s", answer->text);
}

void expect_failure(struct answer *answer, enum failure_kind kind, const char *text)
{
	run_until(answer->came);
	ck_assert_uint_eq(answer->came, 1);
	ck_assert(answer->failed);
	ck_assert_msg(answer->kind == kind && strstr(answer->text, text), "%d: %s", (int)answer->kind,
		      answer->text);
}

/* ---- operations ---- */

static struct stream *port(void)
{
	return redis_stream_port(reading.stream);
}

/* No callback is called before the call returns. */
#define BEGIN(operation, call)                                                                               \
	do {                                                                                                 \
		reading.operation = (struct answer){0};                                                      \
		call;                                                                                        \
		ck_assert_uint_eq(reading.operation.came, 0);                                                \
	} while (0)

static struct stream_id parsed(const char *text)
{
	struct stream_id id;

	ck_assert(stream_id_parse(text, &id));
	return id;
}

void begin_look(void)
{
	BEGIN(look, port()->ops->look(port(), on_looked, &reading.look));
}

void begin_create_group(const char *after)
{
	BEGIN(create_group, port()->ops->create_group(port(), parsed(after), on_done, &reading.create_group));
}

void begin_move_group(const char *after)
{
	BEGIN(move_group, port()->ops->move_group(port(), parsed(after), on_done, &reading.move_group));
}

void begin_mark_life(const char *life)
{
	BEGIN(mark_life, port()->ops->mark_life(port(), life, on_done, &reading.mark_life));
}

void begin_claim(void)
{
	BEGIN(claim, port()->ops->claim(port(), claim_idle, on_claimed, &reading.claim));
}

void begin_read_pending(const char *after)
{
	BEGIN(read_pending, port()->ops->read_pending(port(), parsed(after), STREAM_READ_FIRST, on_read,
						      &reading.read_pending));
}

void begin_read_new(void)
{
	BEGIN(read_new, port()->ops->read_new(port(), STREAM_READ_FIRST, true, on_read, &reading.read_new));
}

void begin_read_what_is_there(void)
{
	BEGIN(read_new, port()->ops->read_new(port(), STREAM_READ_FIRST, false, on_read, &reading.read_new));
}

void begin_unblock(void)
{
	BEGIN(unblock, port()->ops->unblock(port(), on_done, &reading.unblock));
}

void begin_acknowledge(const struct stream_id *ids, size_t count)
{
	BEGIN(acknowledge, port()->ops->acknowledge(port(), ids, count, on_done, &reading.acknowledge));
}

void begin_forward(const struct forwarded_entry *entry)
{
	BEGIN(forward, port()->ops->forward(port(), entry, on_done, &reading.forward));
}

void begin_trim(const char *lowest)
{
	BEGIN(trim, port()->ops->trim(port(), parsed(lowest), on_done, &reading.trim));
}

/* ---- the reader ---- */

bool stream_is_up(void)
{
	return !redis_stream_trouble(reading.stream);
}

void start_reading(const char *consumer, int64_t claim_idle_ms)
{
	struct redis_stream_config config = {
		.key = "p:commands", .group = "g", .consumer = consumer, .name = "allocd-test"};

	claim_idle = claim_idle_ms;

	memset(&reading, 0, sizeof reading);
	reading.stream = redis_stream_new(&world.settings, &config);
	run_until(stream_is_up());
}

void stop_reading(void)
{
	redis_stream_free(&reading.stream);
}

void set_up_reading(const char *const *options, size_t count)
{
	world_setup();
	start_server(options, count);
	use_url("redis://127.0.0.1:%d", world.server.port);
	start_reading("me", STREAM_CLAIM_IDLE_MS);
}

void tear_down_reading(void)
{
	stop_reading();
	world_teardown();
}

/* ---- the stream ---- */

void assert_id(struct stream_id id, const char *expected)
{
	char text[STREAM_ID_TEXT];

	stream_id_format(id, text);
	ck_assert_str_eq(text, expected);
}

void add_numbers(long first, long last)
{
	for (long number = first; number <= last; number++)
		redisAppendCommand(world.control, "XADD p:commands %ld-1 type allocate data %ld", number,
				   number);
	for (long number = first; number <= last; number++) {
		redisReply *reply;

		ck_assert_int_eq(redisGetReply(world.control, (void **)&reply), REDIS_OK);
		ck_assert_int_eq(reply->type, REDIS_REPLY_STRING);
		freeReplyObject(reply);
	}
}

/* ---- entries by number ---- */

void assert_read(long first, long last)
{
	ck_assert_uint_eq(reading.count, (size_t)(last - first + 1));
	for (size_t i = 0; i < reading.count; i++) {
		const struct told_entry *entry = &reading.entries[i];
		char number[16];

		snprintf(number, sizeof number, "%ld", first + (long)i);
		ck_assert_uint_eq(entry->id.ms, (uint64_t)first + i);
		ck_assert_uint_eq(entry->id.seq, 1);
		ck_assert_str_eq(entry->payload, number);
		ck_assert_int_eq(entry->type, MSG_ALLOCATE);
		ck_assert_str_eq(entry->defect, "");
		ck_assert(!entry->gone);
	}
}

void acknowledge_numbers(long first, long last)
{
	static struct stream_id ids[2500];
	size_t count = 0;

	for (long number = first; number <= last; number++)
		ids[count++] = (struct stream_id){(uint64_t)number, 1};
	DO(acknowledge, (ids, count));
}
