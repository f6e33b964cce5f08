/* Replies for tests. */
#include "replies.h"

#include <check.h>
#include <string.h>

redisReply *reply_of(const char *wire)
{
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;

	redisReaderFeed(reader, wire, strlen(wire));
	ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
	ck_assert_ptr_nonnull(reply);
	redisReaderFree(reader);
	return reply;
}
