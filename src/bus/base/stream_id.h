/*
 * Ids of stream entries: milliseconds and a sequence number, both unsigned 64 bits, written "MS-SEQ".
 * (Redis' documentation, "Redis Streams", entry IDs.)
 */
#ifndef ALLOCD_BUS_BASE_STREAM_ID_H
#define ALLOCD_BUS_BASE_STREAM_ID_H

#include <stdbool.h>
#include <stdint.h>

struct stream_id {
	uint64_t ms, seq;
};

/* No entry has it. */
#define STREAM_ID_MAX ((struct stream_id){UINT64_MAX, UINT64_MAX})

/* "18446744073709551615-18446744073709551615", and its NUL. */
#define STREAM_ID_TEXT 42

/* Less than, equal to or greater than 0, as for strcmp(). */
int stream_id_compare(struct stream_id left, struct stream_id right);

/* False when the text is no id; "MS" alone is "MS-0". */
bool stream_id_parse(const char *text, struct stream_id *id);
void stream_id_format(struct stream_id id, char text[STREAM_ID_TEXT]);

/* When Redis added an entry of that id; NO_INSTANT: a publisher chose it, as no clock gives it. */
int64_t stream_id_instant(struct stream_id id);

/* The greatest id below; 0-0 stays. */
struct stream_id stream_id_before(struct stream_id id);

#endif
