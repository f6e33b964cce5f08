/* Writes a run's messages, and recognizes its events. */
#include "entrypoints/bench_workload/bench_messages.h"

#include "core/base/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIGITS       8
#define MESSAGE_MARK "-m"
#define SKU_MARK     "-s"

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

	if (step->command == MSG_ALLOCATE || step->command == MSG_ORDER_CANCELLED) {
		at = append_name(at, "\",\"orderid\":\"", run, "-o", step->order);
	} else {
		at = append_name(at, "\",\"batchref\":\"", run, "-b", step->sku);
		at = append_digits(stpcpy(at, "-"), step->batch);
	}
	if (step->command == MSG_ALLOCATE || step->command == MSG_CREATE_BATCH)
		at = append_name(at, "\",\"sku\":\"", run, SKU_MARK, step->sku);
	if (step->command != MSG_ORDER_CANCELLED) {
		at = stpcpy(at, "\",\"qty\":");
		at += decimal_format(step->qty, at);
		at = stpcpy(at, "}");
	} else {
		at = stpcpy(at, "\"}");
	}
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

/* The digits behind the run's name and the mark. */
static bool read_name(struct bytes payload, const char *run, const char *mark, uint32_t *number)
{
	char name[BENCH_RUN_SIZE + sizeof SKU_MARK];
	const char *at = after(payload, name, (size_t)(stpcpy(stpcpy(name, run), mark) - name));

	return at && read_digits(at, (const char *)payload.data + payload.size, number);
}

bool bench_read_event(struct bytes payload, const char *run, struct bench_event *event)
{
	return read_name(payload, run, MESSAGE_MARK, &event->number) &&
	       read_name(payload, run, SKU_MARK, &event->sku) && read_version(payload, &event->version);
}
