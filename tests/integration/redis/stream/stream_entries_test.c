/* Entries of a real Redis stream, with any content, as the reader returns them. */
#include "adapters/redis/stream/stream_entries.h"
#include "bus/ports/codec.h"
#include "integration/redis/stream/reading.h"
#include "support/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)

static void setup(void)
{
	set_up_reading(NULL, 0);
	DO(create_group, ("0-0"));
}

/* Adds an entry with the given fields and values, up to NULL, and then a valid one; reads both. */
static const struct told_entry *read_entry(const char *const *fields, const size_t *sizes, int count)
{
	const char *arguments[16] = {"XADD", "p:commands", "*"};
	size_t lengths[16] = {4, 10, 1};
	redisReply *reply;

	for (int i = 0; i < count; i++) {
		arguments[3 + i] = fields[i];
		lengths[3 + i] = sizes ? sizes[i] : strlen(fields[i]);
	}
	reply = redisCommandArgv(world.control, 3 + count, arguments, lengths);
	ck_assert_int_eq(reply->type, REDIS_REPLY_STRING);
	freeReplyObject(reply);
	command("XADD p:commands * type allocate data next");
	DO(read_new, ());
	ck_assert_uint_eq(reading.count, 2);
	ck_assert_str_eq(reading.entries[1].payload, "next");
	ck_assert_str_eq(reading.entries[1].defect, "");
	ck_assert_uint_eq(reading.entries[1].true_size, 4);
	return &reading.entries[0];
}

/* ---- fields ---- */

#define A16  "0123456789abcdef"
#define A64  A16 A16 A16 A16
#define A255 A64 A64 A64 A16 A16 A16 "0123456789abcde"

static const struct {
	const char *fields[8];
	enum message_type type;
	const char *defect; /* "": none */
	const char *payload;
	const char *id;
} entries[] = {
	{{"type", "allocate", "data", "x"}, MSG_ALLOCATE, "", "x", ""},
	{{"data", "x", "type", "create_batch"}, MSG_CREATE_BATCH, "", "x", ""},
	{{"id", "7", "data", "x", "type", "change_batch_quantity"}, MSG_CHANGE_BATCH_QUANTITY, "", "x", "7"},
	{{"a", "b", "type", "allocate", "", "", "data", "x"}, MSG_ALLOCATE, "", "x", ""},
	{{"Type", "x", "type", "allocate", "DATA", "y", "data", "x"}, MSG_ALLOCATE, "", "x", ""},
	{{"type", "allocate", "data", ""}, MSG_ALLOCATE, "", "", ""},
	{{"type", "line_allocated", "data", "x"}, MSG_LINE_ALLOCATED, "", "x", ""}, /* refused later */
	{{"type", "allocate"}, MSG_ALLOCATE, "data: missing", "", ""},
	{{"data", "x"}, MSG_NONE, "type: missing", "x", ""},
	{{"type", "", "data", "x"}, MSG_NONE, "type: missing", "x", ""},
	{{"a", "b"}, MSG_NONE, "type: missing", "", ""},
	{{"types", "allocate", "dat", "x"}, MSG_NONE, "type: missing", "", ""},
	{{"type", "Allocate", "data", "x"}, MSG_NONE, "type: unknown command Allocate", "x", ""},
	{{"type", "a\x01\xff\n", "data", "x"}, MSG_NONE, "type: unknown command a???", "x", ""},
	{{"type", A255, "data", "x"}, MSG_NONE, "type: unknown command " A64, "x", ""},
	{{"type", "unknown", "data", "x", "id", "7"}, MSG_NONE, "type: unknown command unknown", "x", "7"},
	{{"type", "allocate", "data", "x", "data", "y"}, MSG_ALLOCATE, "data: given twice", "x", ""},
	{{"type", "allocate", "data", "x", "type", "create_batch"},
	 MSG_ALLOCATE,
	 "type: given twice",
	 "x",
	 ""},
	{{"type", "allocate", "id", "1", "data", "x", "id", "1"}, MSG_ALLOCATE, "id: given twice", "x", "1"},
	{{"id", A255, "data", "x", "type", "allocate"}, MSG_ALLOCATE, "", "x", A255},
	{{"id", A255 "x", "data", "x", "type", "allocate"},
	 MSG_ALLOCATE,
	 "id: expected 1 to 255 characters",
	 "x",
	 ""},
	{{"id", "", "data", "x", "type", "allocate"},
	 MSG_ALLOCATE,
	 "id: expected 1 to 255 characters",
	 "x",
	 ""},
	{{"id", "a\xff", "data", "x", "type", "allocate"},
	 MSG_ALLOCATE,
	 "id: expected 1 to 255 characters",
	 "x",
	 ""},
	{{"id", "\xc3\xa4", "data", "x", "type", "allocate"}, MSG_ALLOCATE, "", "x", "\xc3\xa4"},
};

START_TEST(the_fields_of_an_entry_make_a_command_or_a_defect)
{
	const struct told_entry *entry;
	int count = 0;

	while (count < 8 && entries[_i].fields[count])
		count++;
	entry = read_entry(entries[_i].fields, NULL, count);

	ck_assert_int_eq(entry->type, entries[_i].type);
	ck_assert_str_eq(entry->defect, entries[_i].defect);
	ck_assert_str_eq(entry->payload, entries[_i].payload);
	ck_assert_uint_eq(entry->true_size, strlen(entries[_i].payload));
	ck_assert_str_eq(entry->message_id, entries[_i].id);
	ck_assert(!entry->gone);
}
END_TEST

/* A malformed one is dropped later, and one that is given twice is no reason to refuse a command. */
START_TEST(an_entry_may_have_a_traceparent)
{
	static const char *const fields[] = {"traceparent", "00-a", "type",        "allocate",
					     "data",        "x",    "traceparent", "00-b"};
	const struct told_entry *entry = read_entry(fields, NULL, 8);

	ck_assert_str_eq(entry->traceparent, "00-a");
	ck_assert_str_eq(entry->defect, "");
}
END_TEST

START_TEST(a_payload_may_hold_nul)
{
	static const char *const fields[] = {"type", "allocate\0", "data", "a\0b", "id", "1\0"};
	static const size_t sizes[] = {4, 9, 4, 3, 2, 2};
	const struct told_entry *entry = read_entry(fields, sizes, 6);

	ck_assert_int_eq(entry->type, MSG_NONE);
	ck_assert_str_eq(entry->defect, "type: unknown command allocate?");
	ck_assert_uint_eq(entry->true_size, 3);
	ck_assert_mem_eq(entry->payload, "a\0b", 3);
	ck_assert_str_eq(entry->message_id, "");

	entry = read_entry((const char *const[]){"type", "allocate", "data", "", "id", "1\0"},
			   (const size_t[]){4, 8, 4, 0, 2, 2}, 6);
	ck_assert_str_eq(entry->defect, "id: expected 1 to 255 characters");
}
END_TEST

/* 255 characters, 1020 bytes. */
START_TEST(the_length_of_an_id_is_counted_in_characters)
{
	char id[256 * 4 + 1] = "";
	const struct told_entry *entry;

	for (int i = 0; i < 255; i++)
		strcat(id, "\xf0\x9f\xaa\x91");
	entry = read_entry((const char *const[]){"type", "allocate", "data", "x", "id", id}, NULL, 6);
	ck_assert_str_eq(entry->defect, "");
	ck_assert_str_eq(entry->message_id, id);

	strcat(id, "x");
	entry = read_entry((const char *const[]){"type", "allocate", "data", "x", "id", id}, NULL, 6);
	ck_assert_str_eq(entry->defect, "id: expected 1 to 255 characters");
}
END_TEST

/* ---- sizes ---- */

static const size_t sizes[] = {64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 128 * KIB, MIB, 16 * MIB};

START_TEST(a_payload_has_its_true_size)
{
	char *data = calloc(1, sizes[_i]);
	size_t before;
	const struct told_entry *entry;

	run_once();
	before = world.most_memory + sizes[_i];
	data[0] = '<';
	entry = read_entry((const char *const[]){"data", data, "type", "allocate"},
			   (const size_t[]){4, sizes[_i], 4, 8}, 4);

	ck_assert_uint_eq(entry->true_size, sizes[_i]);
	ck_assert_uint_eq(entry->kept, sizes[_i] < PAYLOAD_MAX ? sizes[_i] : PAYLOAD_MAX);
	ck_assert_int_eq(entry->payload[0], '<');
	ck_assert_str_eq(entry->defect, "");
	ck_assert_uint_lt(world.most_memory, before + MIB);
	free(data);
}
END_TEST

START_TEST(many_large_entries_are_read_in_bounded_memory)
{
	char *data = calloc(1, MIB);
	size_t before;

	for (size_t i = 0; i < STREAM_READ_FIRST; i++)
		command("XADD p:commands * type allocate data %b", data, i % 2 ? 64 * KIB : MIB - i);
	free(data);
	run_once();
	before = world.most_memory;
	DO(read_new, ());

	ck_assert_uint_eq(reading.count, STREAM_READ_FIRST);
	for (size_t i = 0; i < STREAM_READ_FIRST; i++) {
		ck_assert_uint_eq(reading.entries[i].true_size, i % 2 ? 64 * KIB : MIB - i);
		ck_assert_uint_eq(reading.entries[i].kept, PAYLOAD_MAX);
		ck_assert_str_eq(reading.entries[i].defect, "");
	}
	ck_assert_uint_lt(world.most_memory, before + STREAM_READ_FIRST * PAYLOAD_MAX * 5 / 4);
}
END_TEST

START_TEST(other_large_fields_shorten_the_payload)
{
	char *large = calloc(1, MIB);
	const struct told_entry *entry =
		read_entry((const char *const[]){"a", large, "data", large, "type", "allocate"},
			   (const size_t[]){1, MIB, 4, 1, 4, 8}, 6);

	ck_assert_str_eq(entry->defect, "");
	ck_assert_uint_eq(entry->true_size, 1);

	entry = read_entry((const char *const[]){"a", large, "b", large, "type", "allocate", "data", "x"},
			   (const size_t[]){1, MIB, 1, MIB, 4, 8, 4, 1}, 8);
	ck_assert_str_eq(entry->defect, "fields: larger than 128 KiB");
	ck_assert_int_eq(entry->type, MSG_NONE);

	entry = read_entry((const char *const[]){large, "", "data", large, "type", "allocate"},
			   (const size_t[]){MIB, 0, 4, MIB, 4, 8}, 6);
	ck_assert_str_eq(entry->defect, "fields: larger than 128 KiB");
	ck_assert_uint_eq(entry->true_size, MIB);
	free(large);
}
END_TEST

/* ---- numbers of fields ---- */

/* Adds an entry with `others` further fields, after the type and the payload or before them. */
static void add_fields(int others, bool first)
{
	const char **arguments = calloc((size_t)others * 2 + 7, sizeof *arguments);
	int count = 0;
	redisReply *reply;

	arguments[count++] = "XADD";
	arguments[count++] = "p:commands";
	arguments[count++] = "*";
	for (int i = 0; i <= others; i++) {
		if (i == (first ? 0 : others)) {
			arguments[count++] = "type";
			arguments[count++] = "allocate";
			arguments[count++] = "data";
			arguments[count++] = "payload";
		}
		if (i < others) {
			arguments[count++] = "f";
			arguments[count++] = "v";
		}
	}
	reply = redisCommandArgv(world.control, count, arguments, NULL);
	ck_assert_msg(reply->type == REDIS_REPLY_STRING, "%s", reply->str);
	freeReplyObject(reply);
	free(arguments);
}

START_TEST(an_entry_with_too_many_fields_is_a_defect)
{
	add_fields(ENTRY_FIELDS_MAX - 2, true);
	add_fields(ENTRY_FIELDS_MAX - 2, false);
	add_fields(ENTRY_FIELDS_MAX - 1, true);
	add_fields(ENTRY_FIELDS_MAX - 1, false);
	DO(read_new, ());

	ck_assert_uint_eq(reading.count, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_str_eq(reading.entries[i].defect, i < 2 ? "" : "fields: more than 511");
}
END_TEST

static const int numbers[] = {5000, 500000};

START_TEST(entries_of_thousands_of_fields_are_read_as_entries)
{
	struct stream_id ids[201];
	size_t before, count = 0;

	for (int i = 0; i < 100; i++)
		add_fields(numbers[_i] / (i ? 100 : 1), true);
	for (int i = 0; i < 100; i++)
		add_fields(numbers[_i] / (i ? 100 : 1), false);
	command("XADD p:commands * type allocate data next");
	run_once();
	before = world.most_memory;
	while (count < 200) {
		DO(read_new, ());
		for (size_t i = 0; i < reading.count; i++, count++) {
			const struct told_entry *entry = &reading.entries[i];
			bool fits = numbers[_i] / 100 < 62 && count % 100;

			ids[count] = entry->id;
			ck_assert_str_eq(entry->defect, fits ? "" : "fields: more than 511");
			ck_assert_str_eq(entry->payload, fits || count < 100 ? "payload" : "");
		}
	}
	DO(read_new, ());
	ids[count] = reading.entries[0].id;

	ck_assert_str_eq(reading.entries[0].payload, "next");
	ck_assert_uint_lt(world.most_memory, before + 8 * MIB);
	DO(acknowledge, (ids, 201));
	DO(look, ());
	ck_assert_uint_eq(reading.state.pending, 0);
	ck_assert_uint_eq(log_lines("lost"), 0);
}
END_TEST

/* ---- many ---- */

START_TEST(a_hundred_thousand_entries_are_read_in_order)
{
	enum { TOTAL = 100000, PORTION = 10000 };
	static struct stream_id ids[STREAM_READ_MAX];
	size_t before;
	long seen = 0;

	run_once();
	before = world.most_memory;
	while (seen < TOTAL) {
		if (seen % PORTION == 0)
			add_numbers(seen + 1, seen + PORTION);
		DO(read_new, ());
		for (size_t i = 0; i < reading.count; i++) {
			seen++;
			ck_assert_uint_eq(reading.entries[i].id.ms, (uint64_t)seen);
			ck_assert_int_eq(strtol(reading.entries[i].payload, NULL, 10), seen);
			ids[i] = reading.entries[i].id;
		}
		DO(acknowledge, (ids, reading.count));
	}

	DO(look, ());
	ck_assert_uint_eq(reading.state.pending, 0);
	ck_assert_uint_eq(reading.state.done.ms, TOTAL);
	ck_assert_uint_lt(world.most_memory, before + 2 * MIB);
}
END_TEST

SUITE("redis stream entries", setup, tear_down_reading, .timeout_s = 240)
{
	tcase_add_loop_test(tests, the_fields_of_an_entry_make_a_command_or_a_defect, 0, COUNT(entries));
	tcase_add_test(tests, an_entry_may_have_a_traceparent);
	tcase_add_test(tests, a_payload_may_hold_nul);
	tcase_add_test(tests, the_length_of_an_id_is_counted_in_characters);
	tcase_add_loop_test(tests, a_payload_has_its_true_size, 0, COUNT(sizes));
	tcase_add_test(tests, many_large_entries_are_read_in_bounded_memory);
	tcase_add_test(tests, other_large_fields_shorten_the_payload);
	tcase_add_test(tests, an_entry_with_too_many_fields_is_a_defect);
	tcase_add_loop_test(tests, entries_of_thousands_of_fields_are_read_as_entries, 0, COUNT(numbers));
	tcase_add_test(tests, a_hundred_thousand_entries_are_read_in_order);
}
