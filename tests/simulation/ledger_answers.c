/* Checks that the answers and the dead letters of a message are its outcome. */
#include "simulation/ledger_order.h"

#include <string.h>

static void check_failure(const struct entry *entry, enum outcome outcome, const char *reason)
{
	expect_that(outcome != OUTCOME_FAILED || strstr(entry->payload, POISON), "m-%d failed: %s",
		    entry->number, reason);
}

static bool spends(const struct entry *entry, const struct sent *sent)
{
	expect_that(sent->answers == 1, "m-%d was answered %d times", entry->number, sent->answers);
	check_failure(entry, sent->outcome, sent->reason);
	return sent->outcome == OUTCOME_HANDLED || sent->outcome == OUTCOME_SKIPPED;
}

static bool is_letter_of(const struct dead_letter_row *letter, const struct entry *entry)
{
	return letter->type == entry->type && letter->payload.size == strlen(entry->payload) &&
	       !memcmp(letter->payload.data, entry->payload, letter->payload.size);
}

int ledger_dead_letters(const struct entry *entry)
{
	const struct database *database = world->database;
	int count = 0;

	for (size_t i = 0; i < database->dead_letter_count; i++) {
		const struct dead_letter_row *letter = &database->dead_letters[i];

		if (!is_letter_of(letter, entry))
			continue;
		check_failure(entry, letter->outcome, letter->reason);
		count++;
	}
	return count;
}

static bool may_be_reconsidered(const struct entry *entry)
{
	return may_be_repeated(entry) || entry->broadcasts[0]->may_be_reconsidered;
}

/* What was published is handled, or a dead letter, and no worker does what another one has done. */
static void check_published(const struct entry *entry)
{
	int dead = ledger_dead_letters(entry), outcomes = entry->recorded + dead;

	expect_that(outcomes || may_be_lost(entry), "m-%d was published and is lost", entry->number);
	expect_that(dead <= entry->broadcast_count || may_be_repeated(entry),
		    "m-%d was published %d times, and rejected %d times", entry->number,
		    entry->broadcast_count, dead);
	expect_that(outcomes <= entry->broadcast_count || may_be_reconsidered(entry),
		    "m-%d was rejected, and handled", entry->number);
}

/*
 * A command that one worker rejected may have been handled later by another one: also by one that was killed
 * in its commit, when the next one has rejected it meanwhile.
 */
void ledger_check_answers(const struct entry *entry)
{
	bool spent = false;

	if (entry->by_rival)
		return;
	if (entry->transport == TRANSPORT_STREAM) {
		expect_that(entry->recorded || ledger_dead_letters(entry) || entry->may_be_missing,
			    "m-%d has no outcome", entry->number);
		return;
	}
	if (entry->transport == TRANSPORT_PUBSUB) {
		check_published(entry);
		return;
	}
	for (int i = 0; i < REPLICAS; i++)
		spent |= entry->sent[i] && spends(entry, entry->sent[i]);
	expect_that(entry->recorded == spent ||
			    (entry->recorded ? entry->was_abandoned : entry->may_be_missing),
		    "m-%d: answered otherwise, but its effect is %s", entry->number,
		    entry->recorded ? "there" : "missing");
}
