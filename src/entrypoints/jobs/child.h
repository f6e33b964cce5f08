/*
 * Runs commands of this program as child processes, so that the event loop never waits for what they do.
 *
 * A child has the worker's settings (see child_environment.h), nothing to read but its arguments, and no
 * descriptor but its standard ones.  It gets SIGTERM when the worker's process ends in any way.
 */
#ifndef ALLOCD_ENTRYPOINTS_JOBS_CHILD_H
#define ALLOCD_ENTRYPOINTS_JOBS_CHILD_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct logger;
struct children;
struct child;

/* The most children at a time, and the descriptors that they need while one starts. */
#define CHILDREN_MAX         4
#define CHILDREN_DESCRIPTORS ((size_t)(2 * CHILDREN_MAX + 3))

/* The words of a command that may be seen by other users of the machine: its name. */
#define CHILD_NAME_WORDS 2

/* The longest line of output, in bytes. */
#define CHILD_LINE_MAX ((size_t)4 * 1024 * 1024)

/* The status of a child in which this program cannot be executed. */
#define CHILD_CANNOT_RUN 127

/* A child that was asked to stop is killed after this time. */
#define CHILD_STOP_MS 10000

enum child_cut {
	CHILD_ENDED_ITSELF,
	CHILD_WAS_LATE,     /* killed at its deadline */
	CHILD_WAS_TOO_LONG, /* killed because it wrote too much */
};

struct child_end {
	int status; /* of its exit; -1: a signal ended it */
	enum child_cut cut;
	bool was_stopped;  /* it was asked to end before */
	const char *error; /* the last line on its standard error, or "" */
};

/* Whether the command did all that it could; what it then reports as failed is about single letters. */
bool child_ended_regularly(const struct child_end *end);

struct child_call {
	const char *const *arguments; /* behind the program's name; ended by NULL */
	bool hides_arguments; /* the command gets all but its name by standard input; see hidden_words.h */
	int deadline_ms;      /* 0: none */
	size_t output_max;    /* bytes; 0: only each line is limited */

	/* Each line of its output, without the line's end.  A last line without an end is dropped. */
	void (*line)(void *context, const char *line, size_t size);

	/* Once, after the last line, and never before child_start() returns. */
	void (*ended)(void *context, const struct child_end *end);
	void *context;
};

/*
 * `program` is a path; it, `environment`, as in environ, and the logger outlive the children.  A child that
 * ends as no command does is logged.
 */
struct children *children_new(struct event_base *base, const char *program, const char *const *environment,
			      struct logger *logger);

/* Kills the children and calls none back.  Accepts NULL in *children and nulls it. */
void children_free(struct children **children);

/* NULL: there is no room, or the system refuses, which is logged. */
struct child *child_start(struct children *children, const struct child_call *call);

/* Whether the system refused the last start. */
bool children_are_refused(const struct children *children);

/* Asks a child to stop, as SIGTERM does, and kills it if it does not.  Nothing happens when it has ended. */
void child_stop(struct child *child);

void children_stop(struct children *children);

size_t children_count(const struct children *children);

#endif
