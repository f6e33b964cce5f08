/*
 * Pub/sub under a lease: all workers hear the commands, and the one that has the lease handles them.
 *
 *     listening ─► placing ─► finding ─► handling ─► handing over ─► listening
 *
 * The others keep what they heard.  The note of the lease is the section (see heard_messages.h) before which
 * all is finished: the next holder handles what it heard from there on.  So that nothing is handled twice,
 * a message without an id is handled under its name while another worker is alive: the inbox knows it by
 * that name, or it is a dead letter of that name.  A holder that hands over first publishes a marker, and
 * handles what it hears before it: nothing that it leaves has begun.
 *
 * While the note names a section, no message from there on is handled without its name.  A worker that is
 * alone writes "", and does without the names.
 *
 * What cannot be matched is never handled twice, but may be lost, and is counted: see subscription_stats.
 */
#ifndef ALLOCD_BUS_SUBSCRIPTION_LEASED_SUBSCRIPTION_H
#define ALLOCD_BUS_SUBSCRIPTION_LEASED_SUBSCRIPTION_H

#include "bus/intake/admission.h"
#include "bus/leases/lease_keeper.h"
#include "bus/ports/checkpoints.h"

#define PUBSUB_LEASE "pubsub"

/* The most bytes that a worker keeps of what it heard. */
#define HEARD_BYTES_MAX ((size_t)64 * 1024 * 1024)

/*
 * After its connection was lost, a holder is partial, and waits this long for another worker, which may have
 * heard more.  If the database answers at once, that one has the lease after 1.9 s at most (see
 * lease_keeper.c).  While it does not answer, the holder can neither leave the lease nor commit anything: it
 * waits anew.
 */
#define PARTIAL_HOLDER_MS 3000

/* Names are used, and cost an inbox row each, until no other worker was alive for this time. */
#define COMPANY_MS 60000

/*
 * A message that has an id is not given up if it was heard less than this time ago: the inbox, which keeps
 * ids for a day at least, then knows it if it was handled.
 */
#define KNOWN_BY_ID_MS 3600000

/* All of them outlive the subscription, except that the keeper may be freed before it. */
struct subscription_ports {
	struct engine *engine;
	struct admission *admission;
	struct lease_keeper *keeper;
	struct checkpoints *checkpoints;
	struct codec *codec;
	struct clock *clock;
	struct logger *logger;

	/* Publishes a marker, and returns it; valid until the next one.  NULL: it cannot be published now. */
	const char *(*mark)(void *context);

	/* Begins and ends to read what is published; called in turns, end first. */
	void (*pause)(void *context);
	void (*resume)(void *context);
	void *context;
};

struct subscription_stats {
	uint64_t taken_over;  /* messages heard while another worker had the lease, and then submitted */
	uint64_t dropped;     /* because too many bytes would be kept */
	uint64_t unnamed;     /* heard while another worker had the lease, and known by no shared name */
	uint64_t not_covered; /* given up because it is not known which of them the last holder handled */
};

struct leased_subscription;

/* Becomes a candidate for the lease. */
struct leased_subscription *leased_subscription_new(const struct subscription_ports *ports);

/* Neither engine nor checkpoints may call back any more.  Accepts NULL in *it and nulls it. */
void leased_subscription_free(struct leased_subscription **it);

/* A command was published: its first PAYLOAD_MAX bytes, and its true size. */
void leased_subscription_hear(struct leased_subscription *it, enum message_type type, const char *channel,
			      struct bytes payload, size_t payload_size);

/* A marker was published, by any worker. */
void leased_subscription_hear_marker(struct leased_subscription *it, struct bytes marker);

/* All channels are heard from now on, on the server with that run id ("": unknown); or not any more. */
void leased_subscription_up(struct leased_subscription *it, const char *run_id);
void leased_subscription_down(struct leased_subscription *it);

/* The engine has no room for further commands, or has it again. */
void leased_subscription_pause(struct leased_subscription *it);
void leased_subscription_resume(struct leased_subscription *it);

/* Whether another worker is to take over what is heard from now on. */
bool leased_subscription_has_company(const struct leased_subscription *it);

/* Whether every message that it is to handle has its outcome. */
bool leased_subscription_is_idle(const struct leased_subscription *it);

const struct subscription_stats *leased_subscription_stats(const struct leased_subscription *it);

/* The bytes of what was heard and is kept. */
size_t leased_subscription_bytes(const struct leased_subscription *it);

#endif
