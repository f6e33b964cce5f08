/* Any message: a command that came in or an event that goes out; the structs come from `schemas/`. */
#ifndef ALLOCD_CORE_MESSAGE_H
#define ALLOCD_CORE_MESSAGE_H

#include "core/field.h"
#include "messages.h"

/* The descriptor of a type other than MSG_NONE. */
const struct message_descriptor *message_descriptor(enum message_type type);

/* MSG_NONE when no message has that name. */
enum message_type message_type_named(const char *name);

/* "allocate"; "unknown" for MSG_NONE. */
const char *message_name(enum message_type type);

/* An empty message of that type: every field absent. */
void message_init(struct message *message, enum message_type type);

/* A text field by name; NULL when it is absent or the message has no such field. */
const char *message_text(const struct message *message, const char *field);

/* An integer field by name, which the message has. */
int64_t message_number(const struct message *message, const char *field);

/* Sets a text or an instant field by name, which the message has; the text is not copied. */
void message_set_text(struct message *message, const char *field, const char *text);
void message_set_instant(struct message *message, const char *field, int64_t instant);

/*
 * What the message says, in 64 bits: equal for equal messages, however they are encoded.  Its id and
 * occurred_at do not count: who sends a message again may stamp it anew.  Nor do absent fields, so that
 * a message keeps its digest (the inbox stores it) when its schema gains an optional field.
 */
uint64_t message_digest(const struct message *message);

#endif
