/* Each answer reaches the callback of its request. */
#include "adapters/redis/connection/request_queue.h"

#include "support/suites.h"

#include <hiredis/hiredis.h>
#include <string.h>

static char a[] = "a", b[] = "b", again[] = "again";
static const redisReply reply;
static struct request_queue queue;
static char told[64];

static void on_replied(void *context, const redisReply *answer)
{
	strcat(told, context);
	strcat(told, answer ? "+ " : "- ");
}

static void on_replied_ask_again(void *context, const redisReply *answer)
{
	on_replied(context, answer);
	request_queue_push(&queue, 1, on_replied, again);
}

static void on_replied_abandon(void *context, const redisReply *answer)
{
	on_replied(context, answer);
	request_queue_abandon(&queue);
}

START_TEST(replies_are_matched_to_requests_in_order)
{
	request_queue_push(&queue, 1, on_replied, a);
	request_queue_push(&queue, 2, on_replied, b);

	for (int i = 0; i < 3; i++)
		ck_assert(request_queue_answer(&queue, &reply));

	ck_assert_str_eq(told, "a+ b+ b+ ");
	ck_assert(!request_queue_answer(&queue, &reply));
}
END_TEST

START_TEST(abandoned_requests_are_called_once_each)
{
	request_queue_push(&queue, 2, on_replied, a);
	request_queue_push(&queue, 2, on_replied, b);
	request_queue_answer(&queue, &reply);

	request_queue_abandon(&queue);

	ck_assert_str_eq(told, "a+ a- b- ");
	ck_assert(!request_queue_answer(&queue, &reply));
}
END_TEST

START_TEST(an_abandoned_request_may_push_another)
{
	request_queue_push(&queue, 1, on_replied_ask_again, a);
	request_queue_push(&queue, 1, on_replied, b);

	request_queue_abandon(&queue);
	request_queue_answer(&queue, &reply);

	ck_assert_str_eq(told, "a- b- again+ ");
}
END_TEST

START_TEST(an_answered_request_may_abandon_all_requests)
{
	request_queue_push(&queue, 2, on_replied_abandon, a);
	request_queue_push(&queue, 1, on_replied, b);

	request_queue_answer(&queue, &reply);

	ck_assert_str_eq(told, "a+ a- b- ");
}
END_TEST

START_TEST(cleared_requests_are_not_called)
{
	request_queue_push(&queue, 1, on_replied, a);

	request_queue_clear(&queue);

	ck_assert_str_eq(told, "");
	ck_assert(!request_queue_answer(&queue, &reply));
}
END_TEST

SUITE("redis requests")
{
	tcase_add_test(tests, replies_are_matched_to_requests_in_order);
	tcase_add_test(tests, abandoned_requests_are_called_once_each);
	tcase_add_test(tests, an_abandoned_request_may_push_another);
	tcase_add_test(tests, an_answered_request_may_abandon_all_requests);
	tcase_add_test(tests, cleared_requests_are_not_called);
}
