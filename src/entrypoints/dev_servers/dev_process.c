/* Starts and ends one process. */
#include "entrypoints/dev_servers/dev_process.h"

#include "core/base/arena.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/jobs/child_signals.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* How much of a log is reported. */
#define TAIL_MAX 2000

#define STOP_STEP_MS 2

/* ---- its beginning ---- */

static _Noreturn void give_up(const char *what, const char *which)
{
	dprintf(STDERR_FILENO, "cannot %s %s: %s\n", what, which, strerror(errno));
	_exit(127);
}

/* Credentials are changed first, because that drops the signal of the parent's death. */
static void change_user(const struct dev_user *user)
{
	if (user && user->name &&
	    (setgroups(0, NULL) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0))
		give_up("become the user", user->name);
}

/* The pipe keeps the whole text until the program reads it. */
static int open_input(const char *text)
{
	int ends[2];

	if (!text)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (pipe2(ends, O_CLOEXEC) != 0 || write(ends[1], text, strlen(text)) != (ssize_t)strlen(text))
		return -1;
	return ends[0];
}

static void redirect(const struct dev_process *process, const struct dev_program *program)
{
	int input = open_input(program->input), output = STDERR_FILENO;

	if (process->log)
		output = open(process->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (input < 0 || output < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		give_up("write", "the log");
}

static _Noreturn void become(const struct dev_process *process, const struct dev_program *program,
			     pid_t parent)
{
	child_signals_reset();
	setsid();
	redirect(process, program);
	change_user(program->user);
	prctl(PR_SET_PDEATHSIG, program->death_signal);
	if (getppid() != parent)
		_exit(127);
	if (program->folder && chdir(program->folder) != 0)
		give_up("enter the directory", program->folder);
	execve(program->path, (char *const *)(uintptr_t)program->arguments,
	       (char *const *)(uintptr_t)program->environment);
	give_up("run", program->path);
}

bool dev_process_start(struct dev_process *process, const struct dev_program *program)
{
	pid_t parent = getpid();

	fflush(NULL);
	process->pid = fork();
	if (process->pid == 0)
		become(process, program, parent);
	if (process->pid > 0)
		return true;
	process->pid = 0;
	print_error("cannot start %s: %s", process->name, strerror(errno));
	return false;
}

/* ---- its end ---- */

bool dev_process_is_over(struct dev_process *process)
{
	if (process->pid && waitpid(process->pid, &process->status, WNOHANG) == process->pid)
		process->pid = 0;
	return !process->pid;
}

bool dev_process_succeeds(struct dev_process *process, const struct dev_wait *wait)
{
	while (!dev_process_is_over(process)) {
		if (dev_wait_pause(wait, STOP_STEP_MS))
			continue;
		dev_process_stop(process, SIGKILL, 0);
		if (!dev_wait_is_in_vain(wait))
			print_error("%s took too long", process->name);
		return false;
	}
	if (process->status == 0)
		return true;
	dev_process_report_end(process);
	return false;
}

/* The whole session, because a program that is killed leaves children of its own. */
void dev_process_stop(struct dev_process *process, int number, int timeout_ms)
{
	pid_t group = process->pid;
	struct dev_wait wait = dev_wait_for(-1, timeout_ms);

	if (dev_process_is_over(process))
		return;
	kill(process->pid, number);
	while (number != SIGKILL && !dev_process_is_over(process)) {
		if (!dev_wait_pause(&wait, STOP_STEP_MS))
			break;
	}
	kill(-group, SIGKILL);
	while (process->pid && waitpid(process->pid, &process->status, 0) < 0 && errno == EINTR)
		;
	process->pid = 0;
}

int dev_exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void print_tail(const char *path)
{
	char text[TAIL_MAX + 1], *rest = text, *line;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = lseek(file, 0, SEEK_END);
	off_t from = size > TAIL_MAX ? size - TAIL_MAX : 0;
	ssize_t length = pread(file, text, TAIL_MAX, from);

	if (file >= 0)
		close(file);
	text[length > 0 ? length : 0] = '\0';
	if (from)
		strsep(&rest, "\n");
	while ((line = strsep(&rest, "\n"))) {
		if (*line)
			print_error("| %s", line);
	}
}

void dev_process_report_end(const struct dev_process *process)
{
	if (WIFSIGNALED(process->status))
		print_error("%s was ended by a signal (%s)", process->name,
			    strsignal(WTERMSIG(process->status)));
	else
		print_error("%s ended with status %d", process->name, WEXITSTATUS(process->status));
	if (process->log)
		print_tail(process->log);
}
