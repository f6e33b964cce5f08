/*
 * The ledger: every command that anybody sent, each with an id of its own, and in the end the proof that each
 * had exactly one effect.
 */
#ifndef ALLOCD_TESTS_LEDGER_H
#define ALLOCD_TESTS_LEDGER_H

#include "simulation/chaos.h"

/* Batches whose references begin with this may be created under several SKUs, of which one succeeds. */
#define SHARED_BATCH "shared"

struct entry {
	int number; /* its id is "m-NUMBER" */
	enum transport way;
	enum message_type type;
	const char *payload;
	bool by_rival;
	int sends;                  /* by how many deliveries */
	struct sent *sent[WORKERS]; /* the last one to each; NULL: none */
	bool recorded;              /* its id is in the inbox */
};

struct ledger {
	struct entry **entries; /* in the order they were first sent */
	int count;
};

/* Writes one more command down; it is not sent yet.  `fields` are without the id. */
struct entry *ledger_add(struct ledger *ledger, enum transport way, enum message_type type,
			 const char *fields);

/* Delivers it to that worker, once more if it was before. */
void ledger_deliver(struct entry *entry, const struct chaos *chaos, int worker);

/* Whether its last delivery to that worker, if there was one, was answered. */
bool ledger_is_answered(const struct entry *entry, int worker);

/* After all was answered, published and ended: aborts the test where a promise was broken. */
void ledger_check(struct ledger *ledger, const struct chaos *chaos);

#endif
