/*
 * The fields of a message.  The descriptors are generated from `schemas/`; the validator and the
 * codecs iterate over them, so that a message's shape is written down once.
 */
#ifndef ALLOCD_CORE_FIELD_H
#define ALLOCD_CORE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind {
	FIELD_TEXT,    /* const char *, NULL when absent; min and max count code points; no NUL inside */
	FIELD_INT32,   /* int32_t; min and max bound the value; an optional one is 0 when absent */
	FIELD_INT64,   /* int64_t; the same */
	FIELD_DAY,     /* int32_t, see calendar.h; IN_WAREHOUSE when absent */
	FIELD_INSTANT, /* int64_t, see calendar.h; NO_INSTANT when absent */
};

struct field {
	const char *name;
	const char *alias; /* another name that the value may have on the wire, or NULL */
	enum field_kind kind;
	bool required;
	bool nullable; /* a JSON null means that the field is absent */
	size_t offset; /* of the value in the message's struct */
	int64_t min;
	int64_t max;
	const char *const *choices; /* the values that a text may have, up to NULL; NULL: any */
};

/* A command comes in, or an external event, which becomes commands; an event goes out. */
enum message_role { ROLE_COMMAND, ROLE_EVENT };

/*
 * The required text by which a message names its product: the SKU itself, or one of the SKU's batches.  An
 * external event names an order, and no product; an event about a message that was not handled names that.
 */
enum product_key { KEY_SKU, KEY_BATCHREF, KEY_ORDERID, KEY_MESSAGE };

struct message_descriptor {
	const char *name; /* as on the wire: "allocate" */
	enum message_role role;
	enum product_key key;
	size_t size; /* of the message's struct */
	const struct field *fields;
	size_t field_count;
};

/* Returns the descriptor's field of that name, or NULL. */
const struct field *field_named(const struct message_descriptor *descriptor, const char *name);

/* Return the value of a text field, or of any other field, in the struct that starts at `body`. */
const char *field_text(const struct field *field, const void *body);
int64_t field_number(const struct field *field, const void *body);

/* Whether the field is present in the struct at `body`; a required integer always is. */
bool field_is_present(const struct field *field, const void *body);

/* Copies, between the structs of two messages, each field that both have under one name and of one kind. */
void fields_copy(const struct message_descriptor *to_descriptor, void *to,
		 const struct message_descriptor *from_descriptor, const void *from);

/* Whether the text is one of the field's choices, if it has any. */
bool field_allows(const struct field *field, const char *text);

/* Sets every field of the struct at `body` to absent: NULL, 0, IN_WAREHOUSE, NO_INSTANT. */
void fields_clear(const struct message_descriptor *descriptor, void *body);

#endif
