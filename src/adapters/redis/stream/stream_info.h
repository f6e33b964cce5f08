/*
 * The state of a stream and its groups, from the replies to XINFO STREAM, XINFO GROUPS and then, for each
 * group, XPENDING.  The order matters: what a group was delivered and no longer holds is acknowledged.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_STREAM_STREAM_INFO_H
#define ALLOCD_ADAPTERS_REDIS_STREAM_STREAM_INFO_H

#include "adapters/redis/protocol/resp_reader.h"
#include "bus/ports/stream.h"

struct redisReply;

/* Groups of one stream; with more we do not know how all of them stand. */
#define STREAM_GROUPS_MAX (RESP_ARRAY_MAX - 1)

/* Between a group's name and a mark, in the name of the group that is the mark. */
#define STREAM_LIFE_MARK ":life:"

struct stream_info {
	struct stream_state state; /* complete once the last group was parsed */
	struct stream_id delivered[STREAM_GROUPS_MAX];
	size_t groups, told; /* of the stream, and those whose XPENDING was parsed */
	size_t ours;         /* one of them, or not */
};

/* Each returns false when that is no such answer. */
bool stream_info_begin(struct stream_info *info, const struct redisReply *stream);
bool stream_info_parse_groups(struct stream_info *info, const struct redisReply *groups, const char *ours);

/* The next group's; one that is gone meanwhile (an error) is left out. */
bool stream_info_parse_pending(struct stream_info *info, const struct redisReply *pending);

/* The group's name in what XINFO GROUPS told. */
struct bytes stream_info_group(const struct redisReply *groups, size_t index);

/* Whether it is the answer about a stream that is not there. */
bool stream_info_is_no_stream(const struct redisReply *reply);

#endif
