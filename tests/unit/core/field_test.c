/* Descriptors: a struct is read and cleared through them. */
#include "core/field.h"

#include "core/base/calendar.h"
#include "support/suites.h"

#include <string.h>

struct sample {
	const char *name;
	int32_t qty;
	int64_t version;
	int32_t eta;
	int64_t at;
	int64_t epoch;
};

static const struct field fields[] = {
	{.name = "name", .kind = FIELD_TEXT, .offset = offsetof(struct sample, name)},
	{.name = "qty", .kind = FIELD_INT32, .required = true, .offset = offsetof(struct sample, qty)},
	{.name = "version",
	 .kind = FIELD_INT64,
	 .required = true,
	 .offset = offsetof(struct sample, version)},
	{.name = "eta", .kind = FIELD_DAY, .offset = offsetof(struct sample, eta)},
	{.name = "at", .kind = FIELD_INSTANT, .offset = offsetof(struct sample, at)},
	{.name = "epoch", .kind = FIELD_INT64, .offset = offsetof(struct sample, epoch)},
};

static const struct message_descriptor descriptor = {
	.name = "sample",
	.size = sizeof(struct sample),
	.fields = fields,
	.field_count = sizeof fields / sizeof fields[0],
};

START_TEST(a_field_is_found_by_its_whole_name)
{
	ck_assert_ptr_eq(field_named(&descriptor, "eta"), &fields[3]);
	ck_assert_ptr_null(field_named(&descriptor, "et"));
	ck_assert_ptr_null(field_named(&descriptor, "etas"));
	ck_assert_ptr_null(field_named(&descriptor, ""));
}
END_TEST

START_TEST(a_text_with_choices_is_one_of_them)
{
	static const char *const choices[] = {"red", "green", NULL};
	static const struct field colour = {.name = "colour", .kind = FIELD_TEXT, .choices = choices};

	ck_assert(field_allows(&colour, "red"));
	ck_assert(field_allows(&colour, "green"));
	ck_assert(!field_allows(&colour, "gree"));
	ck_assert(!field_allows(&colour, ""));
	ck_assert(field_allows(&fields[0], "gree"));
}
END_TEST

START_TEST(values_are_read_in_their_own_width)
{
	struct sample sample = {"name", INT32_MIN, INT64_MAX, -5, INT64_MIN + 1, 2};

	ck_assert_ptr_eq(field_text(&fields[0], &sample), sample.name);
	ck_assert_int_eq(field_number(&fields[1], &sample), INT32_MIN);
	ck_assert_int_eq(field_number(&fields[2], &sample), INT64_MAX);
	ck_assert_int_eq(field_number(&fields[3], &sample), -5);
	ck_assert_int_eq(field_number(&fields[4], &sample), INT64_MIN + 1);
}
END_TEST

START_TEST(fields_of_one_name_and_kind_are_copied_and_others_stay)
{
	struct other {
		int64_t qty, at, more;
		const char *name;
		int32_t eta;
	} other = {.qty = 5, .at = 6, .more = 7};
	static const struct field other_fields[] = {
		{.name = "qty", .kind = FIELD_INT64, .offset = offsetof(struct other, qty)},
		{.name = "at", .kind = FIELD_INSTANT, .offset = offsetof(struct other, at)},
		{.name = "more", .kind = FIELD_INT64, .offset = offsetof(struct other, more)},
		{.name = "name", .kind = FIELD_TEXT, .offset = offsetof(struct other, name)},
		{.name = "eta", .kind = FIELD_DAY, .offset = offsetof(struct other, eta)},
	};
	static const struct message_descriptor other_descriptor = {
		.name = "other",
		.size = sizeof other,
		.fields = other_fields,
		.field_count = COUNT(other_fields),
	};
	const struct sample sample = {"a", 1, 2, 3, 4, 5};

	fields_copy(&other_descriptor, &other, &descriptor, &sample);

	ck_assert_str_eq(other.name, "a");
	ck_assert_int_eq(other.eta, 3);
	ck_assert_int_eq(other.at, 4);
	ck_assert_int_eq(other.qty, 5); /* a FIELD_INT32 there */
	ck_assert_int_eq(other.more, 7);
}
END_TEST

START_TEST(clearing_makes_every_field_absent)
{
	struct sample sample;

	memset(&sample, 0x5a, sizeof sample);
	fields_clear(&descriptor, &sample);

	ck_assert_ptr_null(sample.name);
	ck_assert_int_eq(sample.qty, 0);
	ck_assert_int_eq(sample.version, 0);
	ck_assert_int_eq(sample.eta, IN_WAREHOUSE);
	ck_assert_int_eq(sample.at, NO_INSTANT);
}
END_TEST

START_TEST(a_cleared_field_is_absent_unless_it_is_a_required_integer)
{
	static const bool present_when_clear[] = {false, true, true, false, false, false};
	struct sample full = {"", 0, 0, 0, 0, 1}, clear;

	fields_clear(&descriptor, &clear);

	ck_assert_int_eq(field_is_present(&fields[_i], &clear), present_when_clear[_i]);
	ck_assert(field_is_present(&fields[_i], &full));
}
END_TEST

SUITE("field")
{
	tcase_add_test(tests, a_field_is_found_by_its_whole_name);
	tcase_add_test(tests, a_text_with_choices_is_one_of_them);
	tcase_add_test(tests, values_are_read_in_their_own_width);
	tcase_add_test(tests, fields_of_one_name_and_kind_are_copied_and_others_stay);
	tcase_add_test(tests, clearing_makes_every_field_absent);
	tcase_add_loop_test(tests, a_cleared_field_is_absent_unless_it_is_a_required_integer, 0,
			    COUNT(fields));
}
