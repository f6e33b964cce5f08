/* Replies for tests. */
#include "replies.h"

#include "adapters/redis/frame.h"

#include <check.h>
#include <string.h>

redisReply *reply_of(const char *wire)
{
	struct frame frame;
	redisReply *reply;
	size_t taken = 0;

	frame_init(&frame, 65536);
	ck_assert_int_eq(frame_feed(&frame, wire, strlen(wire), &taken), FRAME_WHOLE);
	reply = frame_take(&frame);
	frame_release(&frame);
	return reply;
}
