/*
 * The messages that were heard on pub/sub and are not finished, in their order.
 *
 * Redis sends what is published in one order to all subscribers of a server.  Markers, which every worker
 * publishes now and then, divide that order into sections: so the section, the channel, and the number of the
 * message among those of its channel in the section name a message alike in every worker that hears it.
 *
 * A section is named after the server's run id and the marker that begins it.  What comes before the first
 * marker of a connection is in a section without a name.
 */
#ifndef ALLOCD_BUS_SUBSCRIPTION_HEARD_MESSAGES_H
#define ALLOCD_BUS_SUBSCRIPTION_HEARD_MESSAGES_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECTION_NAME_MAX 96

struct heard_section {
	struct heard_section *next;
	char name[SECTION_NAME_MAX]; /* "": none */
	uint32_t heard[MSG_TYPES];   /* messages of each channel */
	size_t unfinished;
	int64_t began_ms;
	bool is_cut;       /* the connection was lost behind its last message */
	bool has_nameless; /* a message of it was handled without its name */
	bool is_doubtful;  /* a holder may have handled its messages without these names */
};

struct heard_message {
	struct heard_message *previous, *next;
	struct heard_section *section;
	enum message_type type;
	uint32_t number;     /* in the section and its channel, from 1 */
	bool is_standby;     /* heard without the lease: another worker may have handled it */
	bool is_left;        /* heard behind the end of a lease: the next holder handles it */
	bool is_submitted;   /* and has no outcome yet */
	bool is_judged;      /* it is no dead letter of an earlier holder */
	size_t asked_as;     /* its number in a question to the store; 0: none */
	size_t payload_size; /* the true size: `payload` holds PAYLOAD_MAX bytes at most */
	struct bytes payload;
	void *owner;
};

struct heard_messages {
	struct heard_section *first_section, *last_section; /* there is always one */
	struct heard_message *first, *last;
	size_t bytes; /* of all sections and messages, with what these cost beside their payloads */
};

void heard_init(struct heard_messages *heard, int64_t now_ms);
void heard_release(struct heard_messages *heard);

/* Begins a section; the name is copied, and cut where it is too long. */
void heard_begin_section(struct heard_messages *heard, const char *name, int64_t now_ms);

/* Adds a message, with a copy of its payload, to the last section. */
struct heard_message *heard_add(struct heard_messages *heard, enum message_type type, struct bytes payload,
				size_t payload_size);

/* The message is done, or given up: frees it. */
void heard_remove(struct heard_messages *heard, struct heard_message *message);

/* The section of that name, or NULL; "" names none. */
struct heard_section *heard_find(const struct heard_messages *heard, const char *name);

/* The first section behind the last loss of the connection. */
struct heard_section *heard_since_cut(const struct heard_messages *heard);

/* Whether the connection was lost behind the beginning of the section. */
bool heard_is_cut_since(const struct heard_section *section);

/*
 * Frees the sections before that one with their messages, except those that are submitted.  Returns how many
 * were freed.
 */
size_t heard_drop_before(struct heard_messages *heard, const struct heard_section *section);

/*
 * Frees finished sections before the first one that is not, and before `end` (or NULL); never the last one.
 */
void heard_trim(struct heard_messages *heard, const struct heard_section *end);

/* The name of the message, in `arena`; NULL: its section has none. */
const char *heard_name(const struct heard_message *message, struct arena *arena);

#endif
