/*
 * A failure of the infrastructure.  The kind determines what to do next; the text is for the log.
 */
#ifndef ALLOCD_BUS_PORTS_FAILURE_H
#define ALLOCD_BUS_PORTS_FAILURE_H

enum failure_kind {
	FAILURE_RETRY,     /* nothing happened; a retry may succeed later */
	FAILURE_BUSY,      /* nothing happened: a lock or a statement took too long */
	FAILURE_CONFLICT,  /* a concurrent update came first: load again and redo, at once */
	FAILURE_FENCED,    /* nothing happened: another worker has the lease, or a newer timeline, for it */
	FAILURE_UNCERTAIN, /* perhaps done: the connection was lost after the commit was asked for */
	FAILURE_DATA,      /* the data that was sent is to blame: a retry would fail again */
	FAILURE_FATAL,     /* only an operator can help (for example, the database is too new) */
};

/*
 * The longest text of the database, with its end; those of mails may be longer.  A text ends with the error's
 * code, if it has one: keep it whole.
 */
#define FAILURE_TEXT_SIZE 512

struct failure {
	enum failure_kind kind;
	const char *text; /* one line; valid as long as the failure is */
};

#endif
