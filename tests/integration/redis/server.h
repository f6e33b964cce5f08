/*
 * A redis-server of the test's own, on 127.0.0.1: to be killed, frozen and configured.  It dies with the
 * test.
 */
#ifndef ALLOCD_TESTS_REDIS_SERVER_H
#define ALLOCD_TESTS_REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <sys/types.h>

#define SERVER_OPTIONS_MAX 16

/* The distance from a server's port to a second one that it may use. */
#define SECOND_PORT 6000

struct server {
	pid_t pid; /* 0: not running */
	int port;
	char folder[40]; /* its own, with the log in it */
	const char *options[SERVER_OPTIONS_MAX + 1];
};

/* Finds a port and makes the folder. */
void server_init(struct server *server);

/*
 * Starts it with further options ("--requirepass", "secret"), which live as long as it; returns once it
 * answers.
 */
void server_start(struct server *server, const char *const *options, size_t count);

/* Starts it again with the same options. */
void server_restart(struct server *server);

/* Ends it by SIGKILL, so that it closes nothing in order. */
void server_kill(struct server *server);

/* Kills it and removes the folder. */
void server_release(struct server *server);

/* Returns another client's connection, for commands to the server; the caller frees it by redisFree(). */
redisContext *server_control(const struct server *server);

/* Runs a program, which must exit with status 0. */
void run_program(const char *const *arguments);

#endif
