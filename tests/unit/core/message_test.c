/* Messages: their names, and the digest that distinguishes their contents. */
#include "core/message.h"

#include "core/base/calendar.h"
#include "support/suites.h"

#include <string.h>

static struct message allocation(const char *orderid, const char *sku, int32_t qty)
{
	struct message message;

	message_init(&message, MSG_ALLOCATE);
	message.as.allocate.orderid = orderid;
	message.as.allocate.sku = sku;
	message.as.allocate.qty = qty;
	return message;
}

static struct message creation(const char *reference, int32_t qty, int32_t eta)
{
	struct message message;

	message_init(&message, MSG_CREATE_BATCH);
	message.as.create_batch.batchref = reference;
	message.as.create_batch.sku = "sku";
	message.as.create_batch.qty = qty;
	message.as.create_batch.eta = eta;
	return message;
}

static uint64_t digest(struct message message)
{
	return message_digest(&message);
}

START_TEST(every_type_is_found_by_its_name)
{
	enum message_type type = (enum message_type)_i;

	ck_assert_int_eq(message_type_named(message_name(type)), type);
	ck_assert_str_eq(message_descriptor(type)->name, message_name(type));
}
END_TEST

START_TEST(an_unknown_name_has_no_message_type)
{
	ck_assert_int_eq(message_type_named("reallocate"), MSG_NONE);
	ck_assert_int_eq(message_type_named(""), MSG_NONE);
	ck_assert_int_eq(message_type_named("unknown"), MSG_NONE);
	ck_assert_str_eq(message_name(MSG_NONE), "unknown");
}
END_TEST

START_TEST(a_new_message_has_every_field_absent)
{
	struct message message;

	memset(&message, 0x5a, sizeof message);
	message_init(&message, MSG_CREATE_BATCH);

	ck_assert_int_eq(message.type, MSG_CREATE_BATCH);
	ck_assert_ptr_null(message.as.create_batch.batchref);
	ck_assert_ptr_null(message.as.create_batch.id);
	ck_assert_int_eq(message.as.create_batch.qty, 0);
	ck_assert_int_eq(message.as.create_batch.eta, IN_WAREHOUSE);
	ck_assert_int_eq(message.as.create_batch.occurred_at, NO_INSTANT);
}
END_TEST

START_TEST(a_text_is_found_by_name)
{
	struct message message = allocation("order", "sku", 1);

	ck_assert_str_eq(message_text(&message, "orderid"), "order");
	ck_assert_ptr_null(message_text(&message, "id"));
	ck_assert_ptr_null(message_text(&message, "qty"));
	ck_assert_ptr_null(message_text(&message, "batchref"));
}
END_TEST

START_TEST(equal_content_with_other_stamps_has_an_equal_digest)
{
	struct message first = allocation("order", "sku", 1), again = first;
	char own[] = "order";

	again.as.allocate.orderid = own;
	again.as.allocate.id = "id";
	again.as.allocate.occurred_at = 5;

	ck_assert_uint_eq(message_digest(&first), message_digest(&again));
}
END_TEST

START_TEST(other_content_has_another_digest)
{
	uint64_t first = digest(allocation("order", "sku", 1));
	uint64_t batch = digest(creation("ref", 1, IN_WAREHOUSE));

	ck_assert_uint_ne(first, digest(allocation("other", "sku", 1)));
	ck_assert_uint_ne(first, digest(allocation("order", "other", 1)));
	ck_assert_uint_ne(first, digest(allocation("order", "sku", 2)));
	ck_assert_uint_ne(first, digest(allocation("orders", "ku", 1)));
	ck_assert_uint_ne(batch, digest(creation("ref", 1, 0)));
}
END_TEST

START_TEST(the_same_fields_in_another_message_have_another_digest)
{
	struct message got, lost;

	message_init(&got, MSG_LINE_ALLOCATED);
	message_init(&lost, MSG_LINE_DEALLOCATED);

	ck_assert_uint_ne(message_digest(&got), message_digest(&lost));
}
END_TEST

/*
 * The inbox keeps digests, so a message that an older program handled must keep its digest. Computed by hand.
 */
START_TEST(the_digest_of_a_message_never_changes)
{
	ck_assert_uint_eq(digest(allocation("order-1", "RED-CHAIR", 10)), UINT64_C(0x72b0802e5b72f014));
	ck_assert_uint_eq(digest(creation("batch-1", 100, 14975)), UINT64_C(0x6feac3b4e7ce1ae6));
	ck_assert_uint_eq(digest(creation("batch-1", 100, IN_WAREHOUSE)), UINT64_C(0x348ff1389816e0ee));
}
END_TEST

SUITE("message")
{
	tcase_add_loop_test(tests, every_type_is_found_by_its_name, MSG_NONE + 1, MSG_TYPES);
	tcase_add_test(tests, an_unknown_name_has_no_message_type);
	tcase_add_test(tests, a_new_message_has_every_field_absent);
	tcase_add_test(tests, a_text_is_found_by_name);
	tcase_add_test(tests, equal_content_with_other_stamps_has_an_equal_digest);
	tcase_add_test(tests, other_content_has_another_digest);
	tcase_add_test(tests, the_same_fields_in_another_message_have_another_digest);
	tcase_add_test(tests, the_digest_of_a_message_never_changes);
}
