/* A worker that takes over pub/sub finds the messages that are dead letters, and does not handle them. */
#include "support/suites.h"
#include "world.h"

static struct checkpoints *checkpoints;

static void set_up(void)
{
	struct postgres_config config;

	world_set_up();
	config = world_config();
	checkpoints = postgres_checkpoints_new(&config);
	database_sql(
		"insert into dead_letters (outcome, reason, way, place, incarnation, entry_id, message_id, message,"
		" source, payload, payload_bytes) values"
		" ('rejected', 'test', 'pubsub', 'allocate', 0, 'section-1', null, 'allocate', '', '', 0),"
		" ('rejected', 'test', 'pubsub', 'ship', 0, 'section-2', 'id-2', 'ship', '', '', 0),"
		" ('rejected', 'test', 'pubsub', 'ship', 0, null, 'id-3', 'ship', '', '', 0),"
		" ('rejected', 'test', 'pubsub', 'ship', 0, null, null, 'ship', '', '', 0)");
}

static void tear_down(void)
{
	postgres_checkpoints_free(&checkpoints);
	world_tear_down();
}

static void on_answer(void *context, const struct failure *failure)
{
	ck_assert_msg(!failure, "%s", failure ? failure->text : "");
	*(bool *)context = true;
}

static void find(const struct dead_question *questions, size_t count, bool *found)
{
	bool is_answered = false;

	checkpoints->ops->find_dead(checkpoints, questions, count, found, on_answer, &is_answered);
	ck_assert(!is_answered);
	world.fixture.run_until(&world.fixture, &is_answered);
}

START_TEST(dead_letters_are_found_by_their_channel_and_name)
{
	static const struct dead_question questions[] = {
		{"ship", "section-1", NULL},
		{"allocate", "section-1", NULL},
		{"allocate", "section-2", NULL},
		{"ship", "section-2", NULL},
	};
	bool found[4] = {true, true, true, true};

	find(questions, 4, found);

	ck_assert(!found[0]);
	ck_assert(found[1]);
	ck_assert(!found[2]);
	ck_assert(found[3]);
}
END_TEST

START_TEST(one_message_is_looked_for)
{
	bool found = false;

	find(&(struct dead_question){"allocate", "section-1", NULL}, 1, &found);

	ck_assert(found);
}
END_TEST

START_TEST(dead_letters_are_found_by_their_channel_and_id)
{
	static const struct dead_question questions[] = {
		{"allocate", NULL, "id-3"},    {"ship", NULL, "id-3"},        {"ship", "section-1", "id-2"},
		{"ship", "section-2", "id-1"}, {"ship", "section-1", "id-1"},
	};
	bool found[5] = {true, false, false, false, true};

	find(questions, 5, found);

	ck_assert(!found[0]);
	ck_assert(found[1]);
	ck_assert(found[2]);
	ck_assert(found[3]);
	ck_assert(!found[4]);
}
END_TEST

SUITE("dead messages", set_up, tear_down)
{
	tcase_add_test(tests, dead_letters_are_found_by_their_channel_and_name);
	tcase_add_test(tests, dead_letters_are_found_by_their_channel_and_id);
	tcase_add_test(tests, one_message_is_looked_for);
}
