/* A run of several workers (replicas.c), and what it sends (messages.c). */
#ifndef ALLOCD_TESTS_SIMULATION_RUN_H
#define ALLOCD_TESTS_SIMULATION_RUN_H

#include "simulation/chaos.h"
#include "simulation/disasters/disaster.h"
#include "simulation/ledger.h"

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS   (60 * MINUTE_MS)

#define RECENT 30 /* lines that may be repeated, and messages whose order may be cancelled soon */

/* SKUs of the orders without ids: the last one is stocked later. */
#define ANONYMOUS_SKUS 3

struct run {
	struct memory_random random;
	int orders; /* few: lines repeat often; 0: seldom and soon, so most are assumed to be new */
	int last_line;
	bool has_last; /* of the SKUs without ids */
	int stock;     /* little: most lines are out of stock; much: a batch holds many lines */
	struct disaster disaster;
	struct chaos chaos;
	struct ledger ledger;
};

/* Returns a random number from 0 to `bound` - 1. */
static inline int pick(struct run *run, int bound)
{
	return (int)random_below(&run->random.random, (uint64_t)bound);
}

/* The worker dies; and another one is started in its place, which gets what was not answered over HTTP. */
void kill_worker(int worker);
void succeed_worker(struct run *run, int worker);

/* Makes a message of the first `kinds` kinds, of which the last one is an event. */
#define KINDS 13
struct entry *any_message(struct run *run, int kinds);

/* Sends the message once more, or for the first time; over HTTP to that worker. */
void send_to(struct run *run, struct entry *entry, int worker);

/* Sends it for the first time, perhaps with the id of another one; over HTTP to a worker or to several. */
void send(struct run *run, struct entry *entry);

/* Publishes an order without an id. */
void publish_anonymous(struct run *run);

/* Sends a few messages, all of them at once. */
void send_burst(struct run *run);

#endif
