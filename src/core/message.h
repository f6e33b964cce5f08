/* Any message: an incoming command or an outgoing event; the structs are generated from `schemas/`. */
#ifndef ALLOCD_CORE_MESSAGE_H
#define ALLOCD_CORE_MESSAGE_H

#include "core/field.h"
#include "messages.h"

#include <stdbool.h>

/* Returns the descriptor of `type`, which is not MSG_NONE. */
const struct message_descriptor *message_descriptor(enum message_type type);

/* False for an event, and for MSG_NONE. */
bool message_is_command(enum message_type type);

/* Returns MSG_NONE if no message has that name. */
enum message_type message_type_named(const char *name);

/* Returns the name on the wire, such as "allocate"; "unknown" for MSG_NONE. */
const char *message_name(enum message_type type);

/* Makes `message` an empty one of that type: every field is absent. */
void message_init(struct message *message, enum message_type type);

/* Returns a text field by name; NULL if it is absent or the message has no such field. */
const char *message_text(const struct message *message, const char *field);

/* Returns a number field by name; the message must have such a field. */
int64_t message_number(const struct message *message, const char *field);

/*
 * Set a text field, or an instant or a 64-bit integer, by name; the message must have such a field.  The
 * text is not copied.
 */
void message_set_text(struct message *message, const char *field, const char *text);
void message_set_number(struct message *message, const char *field, int64_t number);

/*
 * A 64-bit digest of the message's content: equal messages have equal digests, in any encoding.  Its id and
 * occurred_at do not count, because a client that sends a message again may set them anew.  Nor do absent
 * fields: the inbox stores the digest, which must not change when the schema gains an optional field.
 */
uint64_t message_digest(const struct message *message);

#endif
