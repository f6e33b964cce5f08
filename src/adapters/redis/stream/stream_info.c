/* Looks fields up by name, because newer versions of Redis add fields. */
#include "adapters/redis/stream/stream_info.h"

#include "adapters/redis/protocol/redis_error.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

static const struct stream_id highest = {UINT64_MAX, UINT64_MAX};

bool stream_info_is_no_stream(const redisReply *reply)
{
	return redis_error_is(reply, "ERR") && strstr(reply->str, "no such key");
}

/* ---- names and values in turn ---- */

/* Returns NULL if the reply has no text of that name. */
static const redisReply *text_named(const redisReply *reply, const char *name)
{
	if (reply->type != REDIS_REPLY_ARRAY)
		return NULL;
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const redisReply *found = reply->element[i], *value = reply->element[i + 1];

		if (found->type == REDIS_REPLY_STRING && !strcmp(found->str, name))
			return value->type == REDIS_REPLY_STRING ? value : NULL;
	}
	return NULL;
}

static int64_t count_named(const redisReply *reply, const char *name, int64_t missing)
{
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2)
		if (resp_is_text(reply->element[i], name) &&
		    reply->element[i + 1]->type == REDIS_REPLY_INTEGER)
			return reply->element[i + 1]->integer;
	return missing;
}

/* The true size of the texts in the reply, in bytes. */
static size_t size_of(const redisReply *reply, int depth)
{
	size_t size = reply->type == REDIS_REPLY_STRING ? (size_t)reply->integer : 0;

	for (size_t i = 0; depth && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
		size += size_of(reply->element[i], depth - 1);
	return size;
}

/* An entry is its id and its fields.  0-0, and no bytes, if the stream has no such entry. */
static struct stream_id entry_named(const redisReply *reply, const char *name, size_t *size)
{
	struct stream_id id = {0};

	*size = 0;
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
		const redisReply *entry = reply->element[i + 1];

		if (!resp_is_text(reply->element[i], name) || entry->type != REDIS_REPLY_ARRAY)
			continue;
		*size = size_of(entry, 2);
		if (entry->elements && entry->element[0]->type == REDIS_REPLY_STRING)
			stream_id_parse(entry->element[0]->str, &id);
	}
	return id;
}

static bool id_named(const redisReply *reply, const char *name, struct stream_id *id)
{
	const redisReply *text = text_named(reply, name);

	return text && stream_id_parse(text->str, id);
}

struct bytes stream_info_group(const redisReply *groups, size_t index)
{
	const redisReply *name = text_named(groups->element[index], "name");

	return (struct bytes){name->str, name->len};
}

/* ---- in the order of the answers ---- */

bool stream_info_begin(struct stream_info *info, const redisReply *stream)
{
	struct stream_state *state = &info->state;
	size_t first, last;

	*info = (struct stream_info){.state = {.done_by_all = highest, .lag = -1}};
	state->length = (uint64_t)count_named(stream, "length", 0);
	entry_named(stream, "first-entry", &first);
	state->last_present = entry_named(stream, "last-entry", &last);
	state->largest = first > last ? first : last;
	state->added = stream_info_is_no_stream(stream) ? 0 : count_named(stream, "entries-added", -1);
	return stream_info_is_no_stream(stream) ||
	       id_named(stream, "last-generated-id", &info->state.last_generated);
}

/* If no group limits done_by_all, no entry is done. */
static void conclude(struct stream_info *info)
{
	if (stream_id_compare(info->state.done_by_all, highest) == 0)
		info->state.done_by_all = (struct stream_id){0};
}

/* Notes the life that a group marks, if it is a mark of our group. */
static void note_life(struct stream_state *state, const redisReply *name, const char *ours)
{
	size_t length = strlen(ours), prefix = length + strlen(STREAM_LIFE_MARK), used = strlen(state->lives);

	if (name->len <= prefix || memcmp(name->str, ours, length) != 0 ||
	    memcmp(name->str + length, STREAM_LIFE_MARK, prefix - length) != 0 ||
	    name->len - prefix >= STREAM_LIFE_MAX || used + 1 + name->len - prefix >= sizeof state->lives)
		return;
	snprintf(state->lives + used, sizeof state->lives - used, "%s%s", used ? " " : "",
		 name->str + prefix);
}

/* After a failover Redis 7.0 counts entries as undelivered although the group has the last one. */
static int64_t lag_of(const struct stream_state *state, const redisReply *group)
{
	int64_t lag = count_named(group, "lag", -1);

	return lag > 0 && stream_id_compare(state->delivered, state->last_present) >= 0 ? 0 : lag;
}

bool stream_info_parse_groups(struct stream_info *info, const redisReply *groups, const char *ours)
{
	size_t count = groups->type == REDIS_REPLY_ARRAY ? groups->elements : 0;

	if (stream_info_is_no_stream(groups))
		info->state.last_generated = (struct stream_id){0};
	else if (groups->type != REDIS_REPLY_ARRAY || count > STREAM_GROUPS_MAX)
		return false;
	info->groups = info->ours = count;
	for (size_t i = 0; i < count; i++) {
		const redisReply *name = text_named(groups->element[i], "name");

		if (!name || !id_named(groups->element[i], "last-delivered-id", &info->delivered[i]))
			return false;
		note_life(&info->state, name, ours);
		if (resp_is_text(name, ours)) {
			info->ours = i;
			info->state.delivered = info->delivered[i];
			info->state.consumers = (size_t)count_named(groups->element[i], "consumers", 0);
			info->state.lag = lag_of(&info->state, groups->element[i]);
		}
	}
	if (!count)
		conclude(info);
	return true;
}

static struct stream_id lower(struct stream_id left, struct stream_id right)
{
	return stream_id_compare(left, right) < 0 ? left : right;
}

/* The reply begins with the number of pending entries and their lowest id. */
static bool parse_pending(const redisReply *reply, struct stream_id *lowest)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2 ||
	    reply->element[0]->type != REDIS_REPLY_INTEGER)
		return false;
	*lowest = highest;
	return !reply->element[0]->integer || (reply->element[1]->type == REDIS_REPLY_STRING &&
					       stream_id_parse(reply->element[1]->str, lowest));
}

/* The fourth element of the reply has each consumer that holds entries, and their number. */
static bool is_held_by_others(const redisReply *pending, const char *ours)
{
	const redisReply *holders = pending->elements > 3 ? pending->element[3] : NULL;

	for (size_t i = 0; holders && i < holders->elements; i++) {
		const redisReply *holder = holders->element[i];

		if (holder->type != REDIS_REPLY_ARRAY || !holder->elements ||
		    !resp_is_text(holder->element[0], ours))
			return true;
	}
	return false;
}

bool stream_info_parse_pending(struct stream_info *info, const redisReply *pending, const char *ours)
{
	struct stream_state *state = &info->state;
	size_t index = info->parsed++;
	struct stream_id lowest, done;

	if (!redis_error_is(pending, "NOGROUP")) {
		if (!parse_pending(pending, &lowest))
			return false;
		done = lower(info->delivered[index], stream_id_before(lowest));
		state->done_by_all = lower(state->done_by_all, done);
		if (index == info->ours) {
			state->has_group = true;
			state->done = done;
			state->pending = (uint64_t)pending->element[0]->integer;
			state->others_hold_some = is_held_by_others(pending, ours);
			if (state->pending)
				state->first_pending = lowest;
		}
	}
	if (info->parsed == info->groups)
		conclude(info);
	return true;
}

bool stream_info_has_unread(const struct stream_info *info)
{
	return info->state.has_group &&
	       stream_id_compare(info->state.delivered, info->state.last_present) < 0;
}

/* A user without the right for XRANGE gets an error. */
void stream_info_parse_unread(struct stream_info *info, const redisReply *entries)
{
	const redisReply *entry =
		entries->type == REDIS_REPLY_ARRAY && entries->elements ? entries->element[0] : NULL;

	if (entry && entry->type == REDIS_REPLY_ARRAY && entry->elements &&
	    entry->element[0]->type == REDIS_REPLY_STRING)
		stream_id_parse(entry->element[0]->str, &info->state.first_unread);
}
