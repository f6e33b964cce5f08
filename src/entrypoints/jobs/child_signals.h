/* The signals of a child between fork() and exec(). */
#ifndef ALLOCD_ENTRYPOINTS_JOBS_CHILD_SIGNALS_H
#define ALLOCD_ENTRYPOINTS_JOBS_CHILD_SIGNALS_H

/* Gives every signal its default action and blocks none.  It may be called in the handler of a signal. */
void child_signals_reset(void);

#endif
