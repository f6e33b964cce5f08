/* Writes a run's messages, and recognizes its events. */
#include "entrypoints/bench_workload/bench_messages.h"

#include "core/base/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIGITS       8
#define MESSAGE_MARK "-m"

void bench_run_name(char run[BENCH_RUN_SIZE], uint64_t bits)
{
	snprintf(run, BENCH_RUN_SIZE, "bench-%016" PRIx64, bits);
}

void bench_id(char id[BENCH_ID_SIZE], const char *run, uint32_t number)
{
	snprintf(id, BENCH_ID_SIZE, "%s" MESSAGE_MARK "%08" PRIu32, run, number);
}

/* ---- writing, without printf, because it is part of the measured time ---- */

static char *append_digits(char *at, uint32_t number)
{
	return decimal_format_fixed(at, number, DIGITS);
}

/* "field":"RUN-x00000001" */
static char *append_name(char *at, const char *field, const char *run, const char *mark, uint32_t number)
{
	return append_digits(stpcpy(stpcpy(stpcpy(at, field), run), mark), number);
}

struct bytes bench_payload(char out[BENCH_PAYLOAD_MAX], const char *run, uint32_t number,
			   const struct bench_step *step)
{
	char *at = append_name(out, "{\"id\":\"", run, MESSAGE_MARK, number);

	if (step->command == MSG_ALLOCATE) {
		at = append_name(at, "\",\"orderid\":\"", run, "-o", number);
	} else {
		at = append_name(at, "\",\"batchref\":\"", run, "-b", step->sku);
		at = append_digits(stpcpy(at, "-"), step->batch);
	}
	if (step->command != MSG_CHANGE_BATCH_QUANTITY)
		at = append_name(at, "\",\"sku\":\"", run, "-s", step->sku);
	at = stpcpy(at, "\",\"qty\":");
	at += decimal_format(step->qty, at);
	at = stpcpy(at, "}");
	return (struct bytes){out, (size_t)(at - out)};
}

/* ---- reading ---- */

/* The byte after the text; NULL when the payload does not contain it. */
static const char *after(struct bytes payload, const char *text, size_t length)
{
	const char *found = memmem(payload.data, payload.size, text, length);

	return found ? found + length : NULL;
}

static bool read_digits(const char *at, const char *end, uint32_t *number)
{
	*number = 0;
	for (int i = 0; i < DIGITS; i++, at++) {
		if (at >= end || *at < '0' || *at > '9')
			return false;
		*number = *number * 10 + (uint32_t)(*at - '0');
	}
	return true;
}

static bool read_decimal(const char *at, const char *end, int64_t *number)
{
	const char *first = at;

	for (*number = 0; at < end && *at >= '0' && *at <= '9' && at - first < 18; at++)
		*number = *number * 10 + (*at - '0');
	return at > first;
}

/* An unsigned integer of MessagePack: one byte up to 0x7f, or 0xcc to 0xcf and 1, 2, 4 or 8 bytes. */
static bool read_msgpack_number(const char *at, const char *end, int64_t *number)
{
	unsigned char type = (unsigned char)*at++;
	ptrdiff_t size = type >= 0xcc && type <= 0xcf ? (ptrdiff_t)1 << (type - 0xcc) : 0;

	if ((type > 0x7f && size == 0) || end - at < size)
		return false;
	*number = type <= 0x7f ? type : 0;
	for (; size > 0; size--)
		*number = (int64_t)((uint64_t)*number << 8 | (unsigned char)*at++);
	return true;
}

static bool read_version(struct bytes payload, int64_t *version)
{
	static const char json[] = "\"version\":", msgpack[] = "\xa7version";
	const char *end = (const char *)payload.data + payload.size;
	const char *at = after(payload, json, sizeof json - 1);

	if (at)
		return read_decimal(at, end, version);
	at = after(payload, msgpack, sizeof msgpack - 1);
	return at && at < end && read_msgpack_number(at, end, version);
}

bool bench_read_event(struct bytes payload, const char *run, uint32_t *number, int64_t *version)
{
	const char *end = (const char *)payload.data + payload.size;
	char mark[BENCH_RUN_SIZE + sizeof MESSAGE_MARK];
	size_t length = (size_t)(stpcpy(stpcpy(mark, run), MESSAGE_MARK) - mark);
	const char *at = after(payload, mark, length);

	return at && read_digits(at, end, number) && read_version(payload, version);
}
