"""Writes the messages as C: an enum, one struct for each message, descriptors, and lists by role."""

from read_schema import INT64_MIN

C_TYPES = {
    "FIELD_TEXT": "const char *",
    "FIELD_INT32": "int32_t ",
    "FIELD_INT64": "int64_t ",
    "FIELD_DAY": "int32_t ",
    "FIELD_INSTANT": "int64_t ",
}

HEADER = """\
/* The messages.  Generated from schemas/ by schemas/generate/: change those. */
#ifndef ALLOCD_MESSAGES_H
#define ALLOCD_MESSAGES_H

#include "core/field.h"

#include <stdint.h>

enum message_type {{
	MSG_NONE,
{types}
	MSG_TYPES,
}};

{choices}{structs}
struct message {{
	enum message_type type;
	union {{
{members}
	}} as;
}};

/* By message type; that of MSG_NONE is empty. */
extern const struct message_descriptor message_descriptors[MSG_TYPES];

enum {{ COMMAND_TYPES = {command_count}, EVENT_TYPES = {event_count} }};

extern const enum message_type command_types[COMMAND_TYPES];
extern const enum message_type event_types[EVENT_TYPES];

/* X(MSG_ALLOCATE, allocate) for each command: a table made of it lacks none, or does not compile. */
#define FOR_EACH_COMMAND(X){each_command}

/* The same for each event that is raised. */
#define FOR_EACH_EVENT(X){each_event}

/*
 * X(MSG_OLD, old, MSG_NEW) for each event that another one replaced: it is not raised, but made of its
 * successor (src/bus/publishing/predecessors.h).
 */
#define FOR_EACH_REPLACED_EVENT(X){each_replaced_event}

#endif
"""

SOURCE = """\
/* What the messages are made of.  Generated from schemas/ by schemas/generate/: change those. */
#include "messages.h"

#include <stddef.h>

{tables}
const struct message_descriptor message_descriptors[MSG_TYPES] = {{
{descriptors}
}};

const enum message_type command_types[COMMAND_TYPES] = {{
{command_types}
}};

const enum message_type event_types[EVENT_TYPES] = {{
{event_types}
}};
"""

ENDPOINTS = """\
/* How commands are sent over HTTP.  Generated from schemas/ by schemas/generate/: change those. */
#include "entrypoints/http/command_endpoint.h"

const struct command_endpoint command_endpoints[MSG_TYPES] = {{
{endpoints}
}};
"""

DESCRIPTOR = """\
	[{constant}] = {{
		.name = "{name}",
		.role = ROLE_{role},
		.key = {key},
		.size = sizeof(struct {name}),
		.fields = {name}_fields,
		.field_count = sizeof {name}_fields / sizeof {name}_fields[0],
	}},"""


def constant(message):
    return f"MSG_{message.name.upper()}"


def struct(message):
    members = (f"\t/* {field.description} */\n\t{C_TYPES[field.kind]}{field.name};\n" for field in message.fields)
    return f"/* {message.description} */\nstruct {message.name} {{\n{''.join(members)}}};\n"


def choice_constant(message, field, choice):
    return f"{message.name}_{field.name}_{choice}".upper()


def choices(messages):
    """A constant for each value of a text that takes only some: LINE_DEALLOCATED_REASON_CANCELLED."""
    every = [(message, field, choice) for message in messages for field in message.fields for choice in field.choices]
    return "".join(f'#define {choice_constant(*each)} "{each[2]}"\n' for each in every) + ("\n" if every else "")


def choice_table(message, field):
    values = ", ".join(choice_constant(message, field, choice) for choice in field.choices)
    return f"static const char *const {message.name}_{field.name}_choices[] = {{{values}, NULL}};\n"


def int64(number):
    return "INT64_MIN" if number == INT64_MIN else f"INT64_C({number})"


def field_table(message):
    entries = "".join(field_entry(message, field) for field in message.fields)
    tables = "".join(choice_table(message, field) for field in message.fields if field.choices)
    return f"{tables}static const struct field {message.name}_fields[] = {{\n{entries}}};\n"


def field_entry(message, field):
    """Initializes only the members that are not zero, false or NULL."""
    members = [f'.name = "{field.name}"']
    if field.alias:
        members.append(f'.alias = "{field.alias}"')
    members.append(f".kind = {field.kind}")
    members += [f".{flag} = true" for flag in ("required", "nullable") if getattr(field, flag)]
    members.append(f".offset = offsetof(struct {message.name}, {field.name})")
    members += [f".{bound} = {int64(getattr(field, bound))}" for bound in ("min", "max") if getattr(field, bound)]
    if field.choices:
        members.append(f".choices = {message.name}_{field.name}_choices")
    return "\t{\n" + "".join(f"\t\t{member},\n" for member in members) + "\t},\n"


def endpoint_entry(message):
    """Initializes only the members that are not NULL."""
    endpoint = message.endpoint
    members = [f'.path = "{endpoint.path}"', f".status = {endpoint.status}"]
    if endpoint.location_path:
        members.append(f'.location_path = "{endpoint.location_path}"')
        members.append(f'.location_field = "{endpoint.location_field}"')
    return f"\t[{constant(message)}] = {{{', '.join(members)}}},"


def of_role(messages, role):
    return [message for message in messages if message.role == role]


def constants(messages):
    return "\n".join(f"\t{constant(message)}," for message in messages)


def for_each(messages):
    """Returns the rest of the macro's first line, and a line for each message."""
    return "".join(f" \\\n\tX({constant(message)}, {message.name})" for message in messages)


def for_each_replaced(events):
    return "".join(f" \\\n\tX({constant(each)}, {each.name}, MSG_{each.replaced_by.upper()})" for each in events if each.replaced_by)


def header(messages):
    commands, events = of_role(messages, "command"), of_role(messages, "event")
    return HEADER.format(
        types="\n".join(f"\t{constant(message)}, /* {message.role} */" for message in messages),
        choices=choices(messages),
        structs="\n".join(map(struct, messages)),
        members="\n".join(f"\t\tstruct {message.name} {message.name};" for message in messages),
        command_count=len(commands),
        event_count=len(events),
        each_command=for_each(commands),
        each_event=for_each([event for event in events if not event.replaced_by]),
        each_replaced_event=for_each_replaced(events),
    )


def descriptor(message):
    return DESCRIPTOR.format(
        constant=constant(message), name=message.name, role=message.role.upper(), key=message.key
    )


def source(messages):
    return SOURCE.format(
        tables="\n".join(map(field_table, messages)),
        descriptors="\n".join(map(descriptor, messages)),
        command_types=constants(of_role(messages, "command")),
        event_types=constants(of_role(messages, "event")),
    )


def endpoints(messages):
    return ENDPOINTS.format(endpoints="\n".join(map(endpoint_entry, of_role(messages, "command"))))
