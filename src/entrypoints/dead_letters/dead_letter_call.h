/*
 * What every command about dead letters begins with: the database, the filter, how many there are, a
 * question.
 */
#ifndef ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_CALL_H
#define ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_CALL_H

#include "bus/ports/dead_letter_archive.h"
#include "entrypoints/cli/commands.h"

struct dead_letter_call {
	const struct invocation *invocation;
	struct dead_letters *letters;
	struct dead_letter_filter filter;
	int64_t taken; /* so many were read, of filter.limit */
	bool missing;  /* one that was named is not there */
};

/* Anything but STATUS_DONE is what the program ends with, and was said.  To be closed in any case. */
enum exit_status dead_letter_call_open(struct dead_letter_call *call, const struct invocation *invocation);
void dead_letter_call_close(struct dead_letter_call *call);

/* Says on standard error, after the command's name, and returns `status`. */
__attribute__((format(printf, 3, 4))) enum exit_status dead_letter_call_say(
	const struct dead_letter_call *call, enum exit_status status, const char *format, ...);

/* Says what the port answered: the database is away, or it refused. */
enum exit_status dead_letter_call_fail(const struct dead_letter_call *call, const struct failure *failure);

/*
 * The next page, of `page->max` or as many as the limit allows; none when `page->count` is 0.  The page's
 * arena is cleared before.
 */
const struct failure *dead_letter_call_next(struct dead_letter_call *call, struct dead_letter_page *page);

/* What it ends with when nothing went wrong: a dead letter that was named must be there. */
enum exit_status dead_letter_call_status(const struct dead_letter_call *call);

/* Which kinds match, and how many in all. */
struct dead_letter_census {
	struct dead_letter_kind *kinds;
	size_t kind_count;
	int64_t total;
};

enum exit_status dead_letter_call_count(struct dead_letter_call *call, struct dead_letter_census *census);

/* Asks at the terminal whether to `verb` them, unless --yes was given.  STATUS_DONE: go on. */
enum exit_status dead_letter_call_confirm(const struct dead_letter_call *call, const char *verb,
					  const struct dead_letter_census *census);

#endif
