/*
 * The infrastructure's trouble.  The kind says what to do next; the text is for the log.
 */
#ifndef ALLOCD_BUS_PORTS_FAILURE_H
#define ALLOCD_BUS_PORTS_FAILURE_H

enum failure_kind {
	FAILURE_RETRY,     /* nothing happened; the same again, later, may do */
	FAILURE_BUSY,      /* nothing happened: a lock, or a statement, was not done in its time */
	FAILURE_CONFLICT,  /* somebody else was faster: load again and redo, at once */
	FAILURE_UNCERTAIN, /* perhaps done: the connection was lost after the commit was asked for */
	FAILURE_DATA,      /* what was sent is to blame: the same again fails again */
	FAILURE_FATAL,     /* nothing but an operator can help (a database that is too new) */
};

struct failure {
	enum failure_kind kind;
	const char *text; /* one line; valid as long as the failure is */
};

#endif
