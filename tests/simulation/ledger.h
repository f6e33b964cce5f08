/*
 * The ledger records every command and every event that was sent, each with a unique id, and in the end
 * proves that each had exactly one effect.
 */
#ifndef ALLOCD_TESTS_LEDGER_H
#define ALLOCD_TESTS_LEDGER_H

#include "simulation/chaos.h"

#include "support/suites.h"

/* Orders that the database refuses: nothing else fails. */
#define POISON "poison"

/* Batches whose references begin with this may be created under several SKUs, of which one succeeds. */
#define SHARED_BATCH "shared"

/* SKUs whose orders are published without ids, and never find stock. */
#define ANONYMOUS_SKU "ANONYMOUS"

struct entry {
	int number; /* in the order of the first sends */
	const char *
		id; /* "m-NUMBER", or that of another command; NULL: it is anonymous, and its order is that */
	struct entry *same_id; /* the next command that has this one's id, with other content */
	bool is_anonymous;
	enum transport transport;
	enum message_type type;
	const char *payload;
	bool by_rival;
	bool again;                    /* sent again without need */
	bool was_acceptable;           /* when it was sent first: it was not rejected then */
	int sends;                     /* the number of deliveries */
	int64_t sent_at_ms;            /* the first one */
	struct sent *sent[REPLICAS];   /* the last delivery to each worker, or NULL */
	bool was_abandoned;            /* a worker to which it was delivered before ended without an answer */
	bool is_refused[REPLICAS];     /* that worker took no commands when it was sent last */
	int stream;                    /* that it came on; by other transports: 0 */
	bool may_be_missing;           /* a disaster lost it before it had an outcome, or with its outcome */
	bool lost_place;               /* it comes again behind what came later, or not at all */
	struct broadcast **broadcasts; /* as often as it was published */
	int broadcast_count;
	bool recorded; /* its id is in the inbox, or its event in the outbox if it is anonymous */
};

struct ledger {
	struct entry **entries; /* in the order they were first sent */
	int count;
	/* By payload: a bool, whether the event was published.  The outbox has another one in its place. */
	struct map superseded;
};

/* Records a message that is not sent yet.  `fields` must not contain the id. */
struct entry *ledger_add(struct ledger *ledger, enum transport transport, enum message_type type,
			 const char *fields);

/*
 * Gives a command that was not sent yet the id of the one that was added `age` messages before, if both are
 * commands of one SKU that nothing else refuses, and no command of that id has the same content.  One spends
 * the id; the others are rejected.
 */
void ledger_reuse_id(const struct ledger *ledger, struct entry *command, int age);

/* The message that got this id first; and of those that have it the one with that content, or the last. */
struct entry *ledger_entry(const struct ledger *ledger, const char *id);
struct entry *ledger_spender(const struct ledger *ledger, const char *id, uint64_t digest);

/* Records an order of that SKU to be published without an id. */
struct entry *ledger_add_anonymous(struct ledger *ledger, const char *sku);

/* Delivers the message to that worker, perhaps again; or adds it to that stream; or publishes it. */
void ledger_deliver(struct entry *entry, int worker);
void ledger_append(struct entry *entry, int stream);
void ledger_publish(struct entry *entry);

/* Whether the row is of a whole message: not of a process' command, or of a part of an event. */
bool ledger_is_of_message(const struct inbox_row *row);

/* The number of the message's dead letters. */
int ledger_dead_letters(const struct entry *entry);

/* The streams lose all entries: those that have no outcome yet may have none in the end. */
void ledger_lose_streams(const struct ledger *ledger);

/* What the entry's payload says; and the SKU of a command, whose batch is there unless it names the SKU. */
void ledger_read(const struct entry *entry, struct envelope *command);
const char *ledger_sku(const struct envelope *command);

/* Whether the last delivery to that worker was answered; true if there was no delivery. */
bool ledger_is_answered(const struct entry *entry, int worker);

/* Fails the test if the answers or the dead letters of the message are not its outcome, which is recorded. */
void ledger_check_answers(const struct entry *entry);

/* Call this after everything is answered and published; it fails the test if a guarantee was violated. */
void ledger_check(struct ledger *ledger, const struct chaos *chaos);

#endif
