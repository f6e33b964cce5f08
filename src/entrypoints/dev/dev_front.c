/*
 * The process that the user started.
 *
 * COMMAND is in the same process group, so it gets the signals of a terminal by itself; signals from other
 * processes are passed on to it.  When the process that started this one ends, everything is ended.
 */
#include "entrypoints/dev/dev_front.h"

#include "adapters/system/instants.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/dev/dev_addresses.h"
#include "entrypoints/dev/dev_keeper.h"
#include "entrypoints/dev_servers/dev_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* How often it is checked whether the parent is still there. */
#define TICK_MS 200

/* COMMAND has this time to end when it is asked to. */
#define COMMAND_STOP_MS 10000

#define STATUS_TIMED_OUT  124
#define STATUS_CANNOT_RUN 126
#define STATUS_NOT_FOUND  127
#define STATUS_OF_SIGNAL  128

struct front {
	struct dev_site *site;
	const struct dev_front_options *options;
	pid_t parent, keeper, command; /* 0: it was not started, or has ended */
	int link, signals;
	struct dev_addresses at;
	size_t received;                   /* bytes of `at` */
	int64_t timeout_at_ms, kill_at_ms; /* 0: not set */
	bool is_over;
	bool has_lost_keeper; /* it ended before it was asked to */
	int status;           /* once it is over */
};

/* The signals that end it, those that are passed on, and that of a child's end. */
static void fill_signals(sigset_t *signals)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD};

	sigemptyset(signals);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		sigaddset(signals, numbers[i]);
}

/* The first call determines the status. */
static void end(struct front *front, int status)
{
	if (!front->is_over)
		front->status = status;
	front->is_over = true;
}

/* ---- the keeper ---- */

static _Noreturn void be_the_keeper(struct front *front, int link)
{
	sigset_t none;

	setsid();
	close(front->link);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	front->site->link = link;
	_exit((int)dev_keeper_run(front->site, front->options->http_port));
}

static bool start_keeper(struct front *front)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	front->link = pair[0];
	fflush(NULL);
	front->keeper = fork();
	if (front->keeper == 0)
		be_the_keeper(front, pair[1]);
	close(pair[1]);
	return front->keeper > 0;
}

/*
 * Closing the link lets the keeper end everything, in order.  A signal meanwhile, such as a second Ctrl-C,
 * kills it and so the servers.  A keeper that was killed leaves the directory.
 */
static int end_keeper(struct front *front)
{
	struct pollfd signals = {.fd = front->signals, .events = POLLIN};
	struct signalfd_siginfo info;
	int status = 0;

	close(front->link);
	while (front->keeper && waitpid(front->keeper, &status, WNOHANG) == 0) {
		if (poll(&signals, 1, TICK_MS) > 0 &&
		    read(front->signals, &info, sizeof info) == sizeof info &&
		    (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM))
			kill(front->keeper, SIGKILL);
	}
	if (WIFSIGNALED(status))
		dev_directory_remove(&front->site->directory);
	return dev_exit_status(status);
}

/* ---- COMMAND ---- */

static _Noreturn void become_command(const struct front *front, const char *const *environment, pid_t parent)
{
	const char *const *command = front->options->command;
	sigset_t none;
	int reason;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(STATUS_CANNOT_RUN);
	execvpe(command[0], (char *const *)(uintptr_t)command, (char *const *)(uintptr_t)environment);
	reason = errno;
	print_error("cannot run %s: %s", command[0], strerror(reason));
	_exit(reason == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN);
}

static void start_command(struct front *front)
{
	const struct dev_site *site = front->site;
	const char *const *environment =
		dev_command_environment(site->environment, &front->at, site->programs.folder, site->arena);
	pid_t parent = getpid();

	fflush(NULL);
	front->command = fork();
	if (front->command == 0)
		become_command(front, environment, parent);
	if (front->command < 0) {
		print_error("cannot start %s: %s", front->options->command[0], strerror(errno));
		front->command = 0;
		end(front, STATUS_FAILED);
	}
}

/* COMMAND is asked to end, and killed when it does not. */
static void stop_command(struct front *front, int status)
{
	end(front, status);
	if (!front->command || front->kill_at_ms)
		return;
	kill(front->command, SIGTERM);
	front->kill_at_ms = monotonic_ms() + COMMAND_STOP_MS;
}

/* ---- what happens ---- */

static void on_ready(struct front *front)
{
	const struct dev_front_options *options = front->options;

	if (options->timeout_ms)
		front->timeout_at_ms = monotonic_ms() + options->timeout_ms;
	if (options->command)
		start_command(front);
	else if (options->is_json)
		dev_addresses_print_json(&front->at);
	else
		dev_addresses_print(&front->at, front->site->programs.allocd, front->site->directory.kept);
}

/* The addresses, or the keeper's end. */
static void receive(struct front *front)
{
	char *place = (char *)&front->at + front->received;
	ssize_t size = read(front->link, place, sizeof front->at - front->received);

	if (size <= 0) {
		front->has_lost_keeper = true;
		stop_command(front, STATUS_FAILED);
		return;
	}
	front->received += (size_t)size;
	if (front->received == sizeof front->at)
		on_ready(front);
}

static void on_child_ended(struct front *front)
{
	int status;

	if (front->command && waitpid(front->command, &status, WNOHANG) == front->command) {
		front->command = 0;
		end(front, dev_exit_status(status));
	}
}

/* Without COMMAND a signal is the normal end, once all is up. */
static void on_ending_signal(struct front *front, const struct signalfd_siginfo *info)
{
	bool is_from_terminal = info->ssi_code == SI_KERNEL;
	int number = (int)info->ssi_signo;

	if (front->command && !is_from_terminal)
		kill(front->command, number);
	else if (!front->command && number != SIGUSR1 && number != SIGUSR2)
		end(front, front->received == sizeof front->at && number != SIGQUIT
				   ? STATUS_DONE
				   : STATUS_OF_SIGNAL + number);
}

static void on_signal(struct front *front)
{
	struct signalfd_siginfo info;

	if (read(front->signals, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo == SIGCHLD)
		on_child_ended(front);
	else
		on_ending_signal(front, &info);
}

static void on_tick(struct front *front)
{
	int64_t now_ms = monotonic_ms();

	if (getppid() != front->parent)
		stop_command(front, STATUS_OF_SIGNAL + SIGTERM);
	if (front->timeout_at_ms && now_ms >= front->timeout_at_ms) {
		front->timeout_at_ms = 0;
		if (front->command)
			print_error("%s is ended because it took too long (--timeout)",
				    front->options->command[0]);
		stop_command(front, front->options->command ? STATUS_TIMED_OUT : STATUS_DONE);
	}
	if (front->command && front->kill_at_ms && now_ms >= front->kill_at_ms)
		kill(front->command, SIGKILL);
}

/* Returns when the end was decided, and COMMAND has ended. */
static void attend(struct front *front)
{
	struct pollfd fds[] = {{.fd = front->signals, .events = POLLIN},
			       {.fd = front->link, .events = POLLIN}};

	while (!front->is_over || front->command) {
		fds[1].fd = front->is_over ? -1 : front->link;
		if (poll(fds, 2, TICK_MS) > 0) {
			if (fds[0].revents)
				on_signal(front);
			if (fds[1].revents)
				receive(front);
		}
		on_tick(front);
	}
}

int dev_front_run(struct dev_site *site, const struct dev_front_options *options)
{
	struct front front = {.site = site, .options = options, .parent = getppid()};
	sigset_t signals;
	int keepers_status;

	fill_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	front.signals = signalfd(-1, &signals, SFD_CLOEXEC);
	if (front.signals < 0 || !start_keeper(&front)) {
		print_error("cannot start: %s", strerror(errno));
		dev_directory_remove(&site->directory);
		return STATUS_FAILED;
	}
	attend(&front);
	keepers_status = end_keeper(&front);
	return front.has_lost_keeper ? keepers_status : front.status;
}
