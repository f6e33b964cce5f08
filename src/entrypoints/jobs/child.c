/* Runs child processes: fork and exec, two pipes, and SIGCHLD. */
#include "entrypoints/jobs/child.h"

#include "bus/ports/logger.h"
#include "core/base/must.h"
#include "entrypoints/cli/commands.h"
#include "entrypoints/jobs/child_signals.h"
#include "entrypoints/jobs/hidden_words.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The part of the standard error that is kept: its end. */
#define ERROR_MAX ((size_t)2048)

/* The two words of a command, for the log. */
#define NAME_SIZE 32

struct child_pipe {
	struct child *child;
	struct event *readable;
	struct evbuffer *bytes;
	int fd; /* -1: at its end */
};

struct child {
	struct child *next, **place;
	struct children *all;
	struct child_call call;
	char name[NAME_SIZE];
	pid_t pid; /* 0: it has ended */
	struct child_pipe output, errors;
	size_t output_size;
	size_t searched; /* bytes of `output` without an end of line */
	struct event *deadline;
	bool is_stopping; /* it was sent SIGTERM */
	enum child_cut cut;
};

struct children {
	struct event_base *base;
	const char *program;
	const char *const *environment;
	struct logger *logger;
	bool is_refused; /* by the system, when the last one was to be started */
	struct event *on_sigchld;
	struct child *first;
	size_t count;
};

static void cut(struct child *child, enum child_cut cut)
{
	if (child->cut == CHILD_ENDED_ITSELF)
		child->cut = cut;
	if (child->pid)
		kill(child->pid, SIGKILL);
}

/* ---- what a child writes ---- */

static void pass_lines(struct child *child)
{
	struct evbuffer *bytes = child->output.bytes;
	struct evbuffer_ptr start;
	size_t size;
	char *line;

	while (evbuffer_ptr_set(bytes, &start, child->searched, EVBUFFER_PTR_SET) == 0 &&
	       evbuffer_search_eol(bytes, &start, NULL, EVBUFFER_EOL_LF).pos >= 0) {
		line = must(evbuffer_readln(bytes, &size, EVBUFFER_EOL_LF));
		child->searched = 0;
		child->call.line(child->call.context, line, size);
		free(line);
	}
	child->searched = evbuffer_get_length(bytes);
	if (evbuffer_get_length(bytes) > CHILD_LINE_MAX ||
	    (child->call.output_max && child->output_size > child->call.output_max))
		cut(child, CHILD_WAS_TOO_LONG);
}

static void close_pipe(struct child_pipe *pipe)
{
	if (pipe->fd < 0)
		return;
	event_del(pipe->readable);
	close(pipe->fd);
	pipe->fd = -1;
}

/* Reads what is there. */
static void read_pipe(struct child_pipe *pipe)
{
	struct child *child = pipe->child;
	int size = 0;

	while (pipe->fd >= 0 && child->cut != CHILD_WAS_TOO_LONG &&
	       (size = evbuffer_read(pipe->bytes, pipe->fd, -1)) > 0) {
		if (pipe == &child->output) {
			child->output_size += (size_t)size;
			pass_lines(child);
		} else if (evbuffer_get_length(pipe->bytes) > ERROR_MAX) {
			evbuffer_drain(pipe->bytes, evbuffer_get_length(pipe->bytes) - ERROR_MAX);
		}
	}
	if (size == 0 || (errno != EAGAIN && errno != EINTR) || child->cut == CHILD_WAS_TOO_LONG)
		close_pipe(pipe);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	read_pipe(context);
}

/* The last line that the program's commands print, or else the last one of the log. */
static const char *last_error(struct child *child)
{
	struct evbuffer *bytes = child->errors.bytes;
	static const char name[] = "allocd: ";
	char *last = NULL, *line, *rest;

	evbuffer_add(bytes, "", 1);
	rest = (char *)evbuffer_pullup(bytes, -1);
	while ((line = strsep(&rest, "\n"))) {
		bool is_said = !strncmp(line, name, sizeof name - 1);

		if (*line && (is_said || !last || strncmp(last, name, sizeof name - 1) != 0))
			last = line;
	}
	if (!last)
		return "";
	return strncmp(last, name, sizeof name - 1) ? last : last + sizeof name - 1;
}

/* ---- its end ---- */

static void unlink_child(struct child *child)
{
	*child->place = child->next;
	if (child->next)
		child->next->place = child->place;
	child->all->count--;
}

static void free_child(struct child *child)
{
	close_pipe(&child->output);
	close_pipe(&child->errors);
	event_free(child->output.readable);
	event_free(child->errors.readable);
	evbuffer_free(child->output.bytes);
	evbuffer_free(child->errors.bytes);
	event_free(child->deadline);
	free(child);
}

bool child_ended_regularly(const struct child_end *end)
{
	return end->cut == CHILD_ENDED_ITSELF && (end->status == STATUS_DONE || end->status == STATUS_FAILED);
}

/* The worker itself reports wrong requests as answers, and services that are away as troubles. */
static bool is_worth_a_line(const struct child_end *end)
{
	bool is_answer = end->status == STATUS_USAGE || end->status == STATUS_UNAVAILABLE ||
			 end->status == STATUS_TRY_AGAIN;

	return !end->was_stopped && !child_ended_regularly(end) &&
	       (end->cut != CHILD_ENDED_ITSELF || !is_answer);
}

static void log_end(const struct child *child, const struct child_end *end, int status)
{
	static const char *const reasons[] = {
		[CHILD_ENDED_ITSELF] = "",
		[CHILD_WAS_LATE] = "it took too long",
		[CHILD_WAS_TOO_LONG] = "it wrote too much",
	};

	if (is_worth_a_line(end))
		LOG(child->all->logger, LOG_WARN, "a command of the admin API failed",
		    LOG_TEXT("command", child->name), LOG_NUMBER("status", end->status),
		    LOG_TEXT("signal", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : ""),
		    LOG_TEXT("error", *reasons[end->cut] ? reasons[end->cut] : end->error));
}

static void end_child(struct child *child, int status)
{
	struct child_end end = {.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1};

	child->pid = 0;
	read_pipe(&child->output);
	read_pipe(&child->errors);
	end.cut = child->cut;
	end.was_stopped = child->is_stopping;
	end.error = end.status == CHILD_CANNOT_RUN ? "this program cannot be executed in a child"
						   : last_error(child);
	log_end(child, &end, status);
	child->call.ended(child->call.context, &end);
	unlink_child(child);
	free_child(child);
}

/* One signal may stand for several children. */
static void on_sigchld(evutil_socket_t number, short what, void *context)
{
	struct children *children = context;
	struct child *next;
	int status;

	(void)number, (void)what;
	for (struct child *child = children->first; child; child = next) {
		next = child->next;
		if (waitpid(child->pid, &status, WNOHANG) == child->pid)
			end_child(child, status);
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	cut(context, CHILD_WAS_LATE);
}

static void set_deadline(struct child *child, int ms)
{
	const struct timeval delay = {ms / 1000, ms % 1000 * 1000};

	event_add(child->deadline, &delay);
}

void child_stop(struct child *child)
{
	if (!child->pid || child->is_stopping)
		return;
	child->is_stopping = true;
	kill(child->pid, SIGTERM);
	set_deadline(child, CHILD_STOP_MS);
}

void children_stop(struct children *children)
{
	for (struct child *child = children->first; child; child = child->next)
		child_stop(child);
}

/* ---- its beginning ---- */

/* A kernel or a filter of system calls may lack close_range(). */
static void close_others(void)
{
	struct rlimit limit;

	if (close_range(STDERR_FILENO + 1, ~0U, 0) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	for (int fd = STDERR_FILENO + 1; fd < (int)limit.rlim_cur; fd++)
		close(fd);
}

/*
 * In the child, between fork() and exec(): other threads of the worker are gone and may have held locks, so
 * only functions are called that are safe in the handler of a signal.  Signals that the worker ignores or
 * handles get their defaults, except for SIGPIPE, which every command of the program ignores.  In a process
 * group of its own a child gets no signal that a terminal sends to the worker's: the worker asks it to stop.
 */
static _Noreturn void become(const struct children *children, char *const *arguments, pid_t parent, int input,
			     int output, int errors)
{
	child_signals_reset();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setpgid(0, 0);
	if (getppid() != parent || dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(errors, STDERR_FILENO) < 0)
		_exit(CHILD_CANNOT_RUN);
	close_others();
	execve(children->program, arguments, (char *const *)(uintptr_t)children->environment);
	_exit(CHILD_CANNOT_RUN);
}

/* No signal may reach a handler of the worker in the child. */
static pid_t fork_child(const struct children *children, char *const *arguments, int input, int output,
			int errors)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(children, arguments, parent, input, output, errors);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static size_t count_of(const char *const *arguments)
{
	size_t count = 0;

	while (arguments[count])
		count++;
	return count;
}

/* How many of them are on the command line. */
static size_t shown_of(const struct child_call *call)
{
	size_t count = count_of(call->arguments);

	return call->hides_arguments && count > CHILD_NAME_WORDS ? CHILD_NAME_WORDS : count;
}

static char **command_line_of(const struct child_call *call)
{
	size_t shown = shown_of(call);
	const char **line = must(calloc(shown + 3, sizeof *line));

	line[0] = "allocd";
	memcpy(line + 1, call->arguments, shown * sizeof *line);
	if (call->arguments[shown])
		line[shown + 1] = WORDS_FROM_STDIN;
	return (char **)(uintptr_t)line;
}

/* A file in memory with the arguments that are not on the command line; -1: the system refuses it. */
static int open_input(const struct child_call *call)
{
	int input = memfd_create("arguments", MFD_CLOEXEC);
	const char *const *argument = call->arguments + shown_of(call);
	bool is_written = input >= 0;

	for (; is_written && *argument; argument++) {
		size_t size = strlen(*argument) + 1;

		is_written = write(input, *argument, size) == (ssize_t)size;
	}
	if (is_written && lseek(input, 0, SEEK_SET) == 0)
		return input;
	if (input >= 0)
		close(input);
	return -1;
}

static void open_pipe(struct child_pipe *pipe, struct child *child, int fd)
{
	pipe->child = child;
	pipe->fd = fd;
	pipe->bytes = must(evbuffer_new());
	pipe->readable = must(event_new(child->all->base, fd, EV_READ | EV_PERSIST, on_readable, pipe));
	event_add(pipe->readable, NULL);
}

static struct child *add_child(struct children *children, const struct child_call *call, pid_t pid,
			       int output, int errors)
{
	struct child *child = must_alloc(sizeof *child);

	*child = (struct child){.all = children, .call = *call, .pid = pid, .next = children->first};
	snprintf(child->name, sizeof child->name, "%s %s", call->arguments[0],
		 call->arguments[1] ? call->arguments[1] : "");
	child->place = &children->first;
	if (child->next)
		child->next->place = &child->next;
	children->first = child;
	children->count++;
	open_pipe(&child->output, child, output);
	open_pipe(&child->errors, child, errors);
	child->deadline = must(evtimer_new(children->base, on_deadline, child));
	if (call->deadline_ms)
		set_deadline(child, call->deadline_ms);
	return child;
}

/* NULL: the system refuses; see errno. */
static struct child *start_with(struct children *children, const struct child_call *call, int input)
{
	int output[2], errors[2];
	char **arguments;
	pid_t pid;

	if (pipe2(output, O_CLOEXEC) != 0)
		return NULL;
	if (pipe2(errors, O_CLOEXEC) != 0) {
		close(output[0]);
		close(output[1]);
		return NULL;
	}
	arguments = command_line_of(call);
	pid = fork_child(children, arguments, input, output[1], errors[1]);
	free(arguments);
	close(output[1]);
	close(errors[1]);
	if (pid < 0) {
		close(output[0]);
		close(errors[0]);
		return NULL;
	}
	evutil_make_socket_nonblocking(output[0]);
	evutil_make_socket_nonblocking(errors[0]);
	return add_child(children, call, pid, output[0], errors[0]);
}

static struct child *start(struct children *children, const struct child_call *call)
{
	int input = open_input(call), error;
	struct child *child;

	if (input < 0)
		return NULL;
	child = start_with(children, call, input);
	error = errno;
	close(input);
	errno = error;
	return child;
}

struct child *child_start(struct children *children, const struct child_call *call)
{
	struct child *child = NULL;
	bool has_room = children->count < CHILDREN_MAX;

	if (has_room)
		child = start(children, call);
	children->is_refused = has_room && !child;
	if (children->is_refused)
		LOG(children->logger, LOG_WARN, "a command of the admin API cannot be started",
		    LOG_TEXT("command", call->arguments[0]), LOG_TEXT("error", strerror(errno)));
	return child;
}

bool children_are_refused(const struct children *children)
{
	return children->is_refused;
}

/* ---- all of them ---- */

struct children *children_new(struct event_base *base, const char *program, const char *const *environment,
			      struct logger *logger)
{
	struct children *children = must_alloc(sizeof *children);

	*children = (struct children){
		.base = base, .program = program, .environment = environment, .logger = logger};
	children->on_sigchld = must(evsignal_new(base, SIGCHLD, on_sigchld, children));
	event_add(children->on_sigchld, NULL);
	return children;
}

size_t children_count(const struct children *children)
{
	return children->count;
}

void children_free(struct children **place)
{
	struct children *children = *place;

	if (!children)
		return;
	for (struct child *child = children->first; child; child = child->next)
		kill(child->pid, SIGKILL);
	for (struct child *child = children->first, *next; child; child = next) {
		next = child->next;
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			;
		free_child(child);
	}
	event_free(children->on_sigchld);
	free(children);
	*place = NULL;
}
