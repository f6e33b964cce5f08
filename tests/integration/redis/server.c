/* Private servers. */
#include "server.h"

#include "support/suites.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_TIMEOUT_MS 20000

static void nap(void)
{
	nanosleep(&(struct timespec){0, 10000000}, NULL);
}

static bool is_free(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				      .sin_port = htons((uint16_t)port)};
	int probe = socket(AF_INET, SOCK_STREAM, 0);
	int bound = bind(probe, (struct sockaddr *)&address, sizeof address);

	close(probe);
	return bound == 0;
}

/* Both ports are below the range of outgoing connections, so they are still free when the server restarts. */
static int free_port(void)
{
	for (unsigned i = 0;; i++) {
		int port = 20000 + (int)(((unsigned)getpid() * 7919u + i * 104729u) % SECOND_PORT);

		if (is_free(port) && is_free(port + SECOND_PORT))
			return port;
	}
}

void server_init(struct server *server)
{
	*server = (struct server){.port = free_port()};
	snprintf(server->folder, sizeof server->folder, "%s/redis-XXXXXX", suites_folder());
	ck_assert_ptr_nonnull(mkdtemp(server->folder));
}

/* Runs in the child. */
_Noreturn static void become_server(const struct server *server, pid_t test)
{
	char port[12], log[64];
	const char *arguments[SERVER_OPTIONS_MAX + 16] = {"redis-server", "--port",    port, "--bind",
							  "127.0.0.1",    "--save",    "",   "--dir",
							  server->folder, "--logfile", log};
	size_t count = 11;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != test)
		_exit(1);
	snprintf(port, sizeof port, "%d", server->port);
	snprintf(log, sizeof log, "%s/log", server->folder);
	for (size_t i = 0; server->options[i]; i++)
		arguments[count++] = server->options[i];
	execvp("redis-server", (char *const *)(const void *)arguments);
	_exit(127);
}

redisContext *server_control(const struct server *server)
{
	redisContext *context = redisConnect("127.0.0.1", server->port);

	ck_assert_ptr_nonnull(context);
	return context;
}

/* Any answer suffices, because the server may require a password, except that it is still loading. */
static int answers(const struct server *server)
{
	redisContext *context = server_control(server);
	redisReply *reply = context->err ? NULL : redisCommand(context, "PING");
	int answered = reply && !(reply->type == REDIS_REPLY_ERROR && !strncmp(reply->str, "LOADING", 7));

	freeReplyObject(reply);
	redisFree(context);
	return answered;
}

/* Shows the end of the log, which is removed after the tests. */
static void fail_to_start(const struct server *server)
{
	char log[64];

	snprintf(log, sizeof log, "%s/log", server->folder);
	run_program((const char *[]){"tail", log, NULL});
	ck_abort_msg("redis-server does not start; its log is above");
}

void server_restart(struct server *server)
{
	pid_t test = getpid();

	ck_assert_int_eq(server->pid, 0);
	server->pid = fork();
	ck_assert_int_ge(server->pid, 0);
	if (server->pid == 0)
		become_server(server, test);
	for (int waited_ms = 0; !answers(server); waited_ms += 10) {
		if (waitpid(server->pid, NULL, WNOHANG) != 0 || waited_ms >= START_TIMEOUT_MS)
			fail_to_start(server);
		nap();
	}
}

void server_start(struct server *server, const char *const *options, size_t count)
{
	ck_assert_uint_le(count, SERVER_OPTIONS_MAX);
	for (size_t i = 0; i < count; i++)
		server->options[i] = options[i];
	server->options[count] = NULL;
	server_restart(server);
}

void server_kill(struct server *server)
{
	if (!server->pid)
		return;
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

void server_release(struct server *server)
{
	server_kill(server);
	run_program((const char *[]){"rm", "-r", server->folder, NULL});
}

void run_program(const char *const *arguments)
{
	pid_t pid = fork();
	int status = -1;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(nothing, STDOUT_FILENO);
		dup2(nothing, STDERR_FILENO);
		execvp(arguments[0], (char *const *)(const void *)arguments);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s failed", arguments[0]);
}
