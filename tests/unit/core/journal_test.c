/* The journal undoes changes. */
#include "core/journal.h"

#include "support/suites.h"

#include <string.h>

static struct journal journal;
static int number;
static char text[8];

static void setup(void)
{
	journal_init(&journal);
	number = 1;
	memcpy(text, "before", 7);
}

static void teardown(void)
{
	journal_release(&journal);
}

static void set_number(int value)
{
	journal_keep(&journal, &number, sizeof number);
	number = value;
}

static void set_text(const char *value)
{
	journal_keep(&journal, text, sizeof text);
	memcpy(text, value, strlen(value) + 1);
}

START_TEST(undo_restores_every_changed_value)
{
	set_number(2);
	set_text("after");
	journal_undo(&journal);

	ck_assert_int_eq(number, 1);
	ck_assert_str_eq(text, "before");
}
END_TEST

START_TEST(undo_goes_back_to_the_oldest_of_several_changes)
{
	set_number(2);
	set_number(3);
	set_number(4);
	journal_undo(&journal);

	ck_assert_int_eq(number, 1);
}
END_TEST

START_TEST(a_change_that_is_forgotten_is_not_undone)
{
	set_number(2);
	journal_forget(&journal);
	set_text("after");
	journal_undo(&journal);

	ck_assert_int_eq(number, 2);
	ck_assert_str_eq(text, "before");
}
END_TEST

START_TEST(an_undone_change_is_not_undone_again)
{
	set_number(2);
	journal_undo(&journal);
	number = 5;
	journal_undo(&journal);

	ck_assert_int_eq(number, 5);
}
END_TEST

SUITE("journal", setup, teardown)
{
	tcase_add_test(tests, undo_restores_every_changed_value);
	tcase_add_test(tests, undo_goes_back_to_the_oldest_of_several_changes);
	tcase_add_test(tests, a_change_that_is_forgotten_is_not_undone);
	tcase_add_test(tests, an_undone_change_is_not_undone_again);
}
