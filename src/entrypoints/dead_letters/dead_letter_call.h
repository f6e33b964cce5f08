/*
 * The parts that all commands about dead letters share: the open archive, the filter, the pages that match,
 * and the question whether to proceed.
 */
#ifndef ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_CALL_H
#define ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_CALL_H

#include "bus/ports/dead_letter_archive.h"
#include "entrypoints/cli/commands.h"

struct dead_letter_call {
	const struct invocation *invocation;
	struct dead_letters *letters;
	struct dead_letter_filter filter;
	const char *sku;      /* only letters whose payload names it; NULL: any */
	int64_t after;        /* only letters with an id above this one */
	const char *who;      /* the operator, for the history */
	int64_t read_count;   /* letters that were read so far, of filter.limit */
	bool is_missing_some; /* there is no dead letter of an id that was given */
};

/*
 * Opens the call, of dead letters or of discarded ones, runs its body and closes it.  A result other than
 * STATUS_DONE was reported, and is the exit status.
 */
typedef enum exit_status dead_letter_body(struct dead_letter_call *call);
enum exit_status dead_letter_call_run(const struct invocation *invocation, bool is_discarded,
				      dead_letter_body *body);

/* Prints one line on standard error, after the command's name, and returns `status`. */
__attribute__((format(printf, 3, 4))) enum exit_status dead_letter_call_report(
	const struct dead_letter_call *call, enum exit_status status, const char *format, ...);

/* Reports the failure: the database cannot be reached, or it refused the statement. */
enum exit_status dead_letter_call_report_failure(const struct dead_letter_call *call,
						 const struct failure *failure);

/*
 * Reads the next page with letters that match: at most `page->max`, and no more than the limit allows.
 * `page->count` is 0 after the last page.  Clears the page's arena first.
 */
const struct failure *dead_letter_call_read_page(struct dead_letter_call *call,
						 struct dead_letter_page *page);

/* Uses one page; a result other than STATUS_DONE ends the command. */
typedef enum exit_status use_dead_letters(struct dead_letter_call *call, const struct dead_letter_page *page,
					  void *context);

/* Uses all pages, and reports that no letter matches. */
enum exit_status dead_letter_call_for_each_page(struct dead_letter_call *call, bool with_payload,
						use_dead_letters *use, void *context);

/* Prints the letters that match, as `dead-letters list` does. */
enum exit_status dead_letter_call_list(struct dead_letter_call *call);

/* The exit status if nothing else failed: STATUS_FAILED if an id that was given names no dead letter. */
enum exit_status dead_letter_call_status(const struct dead_letter_call *call);

/* The kinds of letters that match the filter, and how many letters there are in all. */
struct dead_letter_census {
	struct dead_letter_kind *kinds;
	size_t kind_count;
	int64_t total;
};

enum exit_status dead_letter_call_count(struct dead_letter_call *call, struct dead_letter_census *census);

/*
 * Refuses to proceed unless as many letters match as --expect says, if it was given.  A result other than
 * STATUS_DONE was reported: with --json on standard output, too.
 */
enum exit_status dead_letter_call_check_count(const struct dead_letter_call *call,
					      const struct dead_letter_census *census);

/* Asks at the terminal whether to `verb` the letters, unless --yes was given.  STATUS_DONE: yes. */
enum exit_status dead_letter_call_confirm(const struct dead_letter_call *call, const char *verb,
					  const struct dead_letter_census *census);

#endif
