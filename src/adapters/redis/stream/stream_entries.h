/*
 * Entries of a stream, from a reply to XREADGROUP: the fields that make a command, and the defects of entries
 * that do not make one.  Any content results in an entry.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_STREAM_STREAM_ENTRIES_H
#define ALLOCD_ADAPTERS_REDIS_STREAM_STREAM_ENTRIES_H

#include "adapters/redis/protocol/resp_reader.h"
#include "bus/ports/stream.h"

struct redisReply;

/* The most fields in an array that was not shortened: a field is two elements. */
#define ENTRY_FIELDS_MAX ((RESP_ARRAY_MAX - 1) / 2)

/* Longer names of unknown commands are cut. */
#define ENTRY_TYPE_SHOWN 64

struct stream_entries {
	struct stream_entry all[STREAM_READ_MAX];
	size_t count;
	char defects[STREAM_READ_MAX][ENTRY_TYPE_SHOWN + 32];
};

/*
 * Parses a reply of a connection that keeps PAYLOAD_MAX bytes of a text; the entries live as long as the
 * reply.  False: it is not a reply to XREADGROUP on one stream.
 */
bool stream_entries_parse(struct stream_entries *entries, const struct redisReply *reply);

/* The same for a list of entries alone, as XRANGE answers. */
bool stream_entries_parse_list(struct stream_entries *entries, const struct redisReply *list);

#endif
