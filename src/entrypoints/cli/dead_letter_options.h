/* Options that several commands about dead letters share: rows of a table of struct command_option. */
#ifndef ALLOCD_ENTRYPOINTS_CLI_DEAD_LETTER_OPTIONS_H
#define ALLOCD_ENTRYPOINTS_CLI_DEAD_LETTER_OPTIONS_H

#include "entrypoints/cli/commands.h"

/* clang-format off */
#define DEAD_LETTER_FILTERS \
	{"outcome", OPTION_TEXT, .value = "OUTCOME", .help = "only rejected, invalid or failed ones"}, \
	{"reason", OPTION_TEXT, .value = "TEXT", .help = "only with this text in the reason; case is ignored"}, \
	{"reason-is", OPTION_TEXT, .value = "TEXT", .help = "only with exactly this reason"}, \
	{"message", OPTION_TEXT, .value = "NAME", \
	 .help = "only of that command; out_of_stock: mail; none: unknown"}, \
	{"message-id", OPTION_TEXT, .value = "ID", .help = "only of messages with that id"}, \
	{"older-than", OPTION_AGE, .value = "AGE", .help = "only if last tried before: 90s, 15m, 2h, 7d"}, \
	{"newer-than", OPTION_AGE, .value = "AGE", .help = "only if last tried since then"}, \
	{"since", OPTION_TEXT, .value = "WHEN", \
	 .help = "the same, or from an instant on: 2026-01-31T12:00:00Z"}, \
	{"sku", OPTION_TEXT, .value = "SKU", .help = "only if the payload names that SKU"}

#define DEAD_LETTER_LIMIT \
	{"limit", OPTION_COUNT, .value = "COUNT", .help = "at most this many, the oldest first"}

#define DISCARDED \
	{"discarded", .help = "those that were discarded and can be restored; ages count from the discard"}

#define WITHOUT_PAYLOAD \
	{"without-payload", .help = "with --json: leave out what senders sent, and operators' edits and notes"}

#define CHANGES \
	{"expect", OPTION_NUMBER, .value = "COUNT", .help = "do nothing unless exactly this many match"}, \
	{"operator", OPTION_TEXT, .value = "NAME", \
	 .help = "the name that their history records; default: your login and host"}, \
	{"yes", .help = "do not ask", .letter = 'y'}
/* clang-format on */

#endif
