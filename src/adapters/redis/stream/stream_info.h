/*
 * The state of a stream and its groups, from the replies to XINFO STREAM, XINFO GROUPS and then, for each
 * group, XPENDING.  In this order, an entry that was delivered, and is not pending then, is acknowledged.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_STREAM_STREAM_INFO_H
#define ALLOCD_ADAPTERS_REDIS_STREAM_STREAM_INFO_H

#include "adapters/redis/protocol/resp_reader.h"
#include "bus/ports/stream.h"

struct redisReply;

/* The most groups of one stream: a longer array may have been shortened. */
#define STREAM_GROUPS_MAX (RESP_ARRAY_MAX - 1)

/* A mark is a group, whose name is our group's name, this, and the life. */
#define STREAM_LIFE_MARK ":life:"

struct stream_info {
	struct stream_state state; /* complete once the last group was parsed */
	struct stream_id delivered[STREAM_GROUPS_MAX];
	size_t groups, parsed; /* of the stream, and those whose XPENDING was parsed */
	size_t ours;           /* the index of our group; `groups` if it is missing */
};

/* Each returns false when the reply has another form. */
bool stream_info_begin(struct stream_info *info, const struct redisReply *stream);
bool stream_info_parse_groups(struct stream_info *info, const struct redisReply *groups, const char *ours);

/*
 * Parses the next group's reply, and skips a group that was deleted meanwhile (an error).  `ours` is the
 * consumer that is this reader.
 */
bool stream_info_parse_pending(struct stream_info *info, const struct redisReply *pending, const char *ours);

/* Whether the stream has entries that our group has not delivered; the latter parses XRANGE for the first. */
bool stream_info_has_unread(const struct stream_info *info);
void stream_info_parse_unread(struct stream_info *info, const struct redisReply *entries);

/* The group's name in the reply to XINFO GROUPS. */
struct bytes stream_info_group(const struct redisReply *groups, size_t index);

/* Whether the reply is the error for a stream that does not exist. */
bool stream_info_is_no_stream(const struct redisReply *reply);

#endif
