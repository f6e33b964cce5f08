/* Starts and ends one process: a server, or a program that prepares one. */
#ifndef ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_PROCESS_H
#define ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_PROCESS_H

#include "entrypoints/dev_servers/dev_directory.h"
#include "entrypoints/dev_servers/dev_wait.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct dev_process {
	const char *name; /* for errors */
	pid_t pid;        /* 0: it does not run */
	int status;       /* as waitpid() returns it, once it has ended */
	const char *log;  /* the file of its output; NULL: that of this process */
};

struct dev_program {
	const char *path;
	const char *const *arguments;   /* from argv[0] on; ended by NULL */
	const char *const *environment; /* as environ */
	const struct dev_user *user;    /* or NULL */
	const char *folder;             /* to run in; or NULL */
	const char *input;              /* what it reads: at most 4 KiB; or NULL */
	int death_signal;               /* it gets this one when this process dies */
};

/*
 * Starts the program in a session of its own, without the terminal's signals.  `name` and the log are set.
 * False after it has reported why.
 */
bool dev_process_start(struct dev_process *process, const struct dev_program *program);

/* Whether it has ended, or was never started. */
bool dev_process_is_over(struct dev_process *process);

/* Waits for its end.  False when it did not end well, or not in time, which is reported. */
bool dev_process_succeeds(struct dev_process *process, const struct dev_wait *wait);

/* Sends the signal, and SIGKILL when it has not ended after that time. */
void dev_process_stop(struct dev_process *process, int number, int timeout_ms);

/* Reports that it ended, and the end of its log. */
void dev_process_report_end(const struct dev_process *process);

/* The status that a shell gives to a process that ended like this. */
int dev_exit_status(int status);

#endif
