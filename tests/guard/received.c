/*
 * Counts the instructions an entry from the bytes that a socket delivered to a stream entry that the codec
 * can decode: run by guard.py, under callgrind.  Prints a line for each case: its name, a tab, and the
 * number of entries that were counted.
 */
#include "adapters/redis/protocol/resp_reader.h"
#include "adapters/redis/stream/stream_entries.h"
#include "bus/ports/codec.h"
#include "gate.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 500                 /* in an answer to XREADGROUP */
#define ANSWERS 2                   /* counted answers, after one warm-up answer */
#define SLICE   ((size_t)16 * 1024) /* the most that libevent reads from a socket at once */

static const struct {
	const char *name;
	size_t payload;
} all[] = {
	{"a stream's entry of 120 B", 120},
	{"a stream's entry of 1 kB", 1000},
	{"a stream's entry of 20 kB", 20000},
};

/* An answer to XREADGROUP on one stream, as Redis writes it. */
struct answer {
	char *bytes;
	size_t size;
};

static struct answer answer_of(size_t payload)
{
	struct answer answer;
	FILE *out = open_memstream(&answer.bytes, &answer.size);

	fprintf(out, "*1\r\n*2\r\n$15\r\nallocd:commands\r\n*%d\r\n", ENTRIES);
	for (int i = 0; i < ENTRIES; i++)
		fprintf(out,
			"*2\r\n$15\r\n1700000000000-%d\r\n"
			"*4\r\n$4\r\ntype\r\n$8\r\nallocate\r\n$4\r\ndata\r\n$%zu\r\n%0*d\r\n",
			i % 10, payload, (int)payload, 0);
	fclose(out);
	return answer;
}

static void read_answer(struct resp_reader *reader, const struct answer *answer,
			struct stream_entries *entries)
{
	enum resp_progress progress = RESP_MORE;

	for (size_t at = 0; at < answer->size;) {
		size_t left = answer->size - at, used;

		gate_open();
		progress = resp_reader_next(reader, answer->bytes + at, left < SLICE ? left : SLICE, &used);
		gate_close();
		at += used;
	}
	if (progress != RESP_WHOLE)
		give_up("the answer was not read");
	gate_open();
	if (!stream_entries_parse(entries, reader->reply))
		give_up("the answer holds no entries");
	gate_close();
}

static void count(const char *name, size_t payload)
{
	static struct stream_entries entries;
	struct answer answer = answer_of(payload);
	struct arena *arena = arena_new((size_t)8 * 1024);
	struct resp_reader reader;

	resp_reader_init(&reader, PAYLOAD_MAX, arena);
	read_answer(&reader, &answer, &entries);
	gate_begin();
	for (int i = 0; i < ANSWERS; i++)
		read_answer(&reader, &answer, &entries);
	gate_end(name);
	if (entries.count != ENTRIES || entries.all[ENTRIES - 1].payload.size != payload)
		give_up("the entries are not those that were sent");
	printf("%s\t%d\n", name, ANSWERS * ENTRIES);
	resp_reader_release(&reader);
	arena_free(&arena);
	free(answer.bytes);
}

int main(void)
{
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		count(all[i].name, all[i].payload);
	return 0;
}
