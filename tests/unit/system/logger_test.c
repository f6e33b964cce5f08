/* The log is written to pipes, terminals and sockets that are read slowly, or not at all. */
#include "adapters/system/logger.h"

#include "support/suites.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int ends[2]; /* of the pipe: to read, to write */
static struct system_logger logger;
static char heard[1 << 20];

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(ends), 0);
	system_logger_init(&logger, ends[1], LOG_INFO, LOG_FORMAT_LOGFMT);
}

static void teardown(void)
{
	if (ends[0] >= 0)
		close(ends[0]);
	close(ends[1]);
	system_logger_release(&logger);
}

static void hear(void)
{
	size_t size = 0;
	ssize_t got;

	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	while ((got = read(ends[0], heard + size, sizeof heard - 1 - size)) > 0)
		size += (size_t)got;
	heard[size] = '\0';
}

static size_t occurrences(const char *text)
{
	size_t count = 0;

	for (const char *at = heard; (at = strstr(at, text)); at += strlen(text))
		count++;
	return count;
}

START_TEST(a_line_below_the_level_is_not_written)
{
	LOG(&logger.logger, LOG_DEBUG, "detail", LOG_NUMBER("n", 1));
	LOG(&logger.logger, LOG_INFO, "news", LOG_NUMBER("n", 2));
	hear();

	ck_assert_ptr_null(strstr(heard, "detail"));
	ck_assert_ptr_nonnull(strstr(heard, " level=info msg=news n=2\n"));
}
END_TEST

/* Logs through a logger whose environment says that journald reads the inode `ahead` of the pipe's. */
static void log_in_journal(unsigned long ahead)
{
	struct system_logger of_service;
	struct stat status;
	char stream[64];

	fstat(ends[1], &status);
	snprintf(stream, sizeof stream, "%lu:%lu", (unsigned long)status.st_dev,
		 (unsigned long)status.st_ino + ahead);
	setenv("JOURNAL_STREAM", stream, 1);
	system_logger_init(&of_service, ends[1], LOG_INFO, LOG_FORMAT_LOGFMT);
	unsetenv("JOURNAL_STREAM");
	LOG(&of_service.logger, LOG_WARN, "news", LOG_NUMBER("n", 1));
	system_logger_release(&of_service);
	hear();
}

START_TEST(journald_gets_priorities)
{
	log_in_journal(0);
	ck_assert_str_eq(heard, "<4>level=warn msg=news n=1\n");
}
END_TEST

START_TEST(what_a_service_writes_elsewhere_has_the_time)
{
	log_in_journal(1);
	ck_assert_int_eq(strncmp(heard, "time=", strlen("time=")), 0);
}
END_TEST

static double seconds_since(const struct timespec *begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

START_TEST(a_stuck_reader_of_the_log_does_not_block_the_worker)
{
	struct timespec begin;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < 10000; i++)
		LOG(&logger.logger, LOG_INFO, "line", LOG_NUMBER("n", i));

	ck_assert_double_lt(seconds_since(&begin), 3);
	ck_assert_uint_gt(logger.dropped, 0);
}
END_TEST

START_TEST(dropped_lines_are_counted_in_the_next_line)
{
	size_t written;
	char count[64];

	for (int i = 0; i < 10000; i++)
		LOG(&logger.logger, LOG_INFO, "line", LOG_NUMBER("n", i));
	hear();
	written = occurrences(" msg=line ");
	ck_assert_uint_eq(written + logger.dropped, 10000);

	LOG(&logger.logger, LOG_INFO, "line", LOG_NUMBER("n", 10000));
	hear();

	snprintf(count, sizeof count, "msg=\"log lines were dropped\" count=%zu\n", 10000 - written);
	ck_assert_ptr_nonnull(strstr(heard, count));
	ck_assert_ptr_nonnull(strstr(strstr(heard, count), " msg=line n=10000\n"));
	ck_assert_uint_eq(logger.dropped, 0);
}
END_TEST

START_TEST(every_written_line_is_whole)
{
	for (int i = 0; i < 10000; i++)
		LOG(&logger.logger, LOG_INFO, "line", LOG_NUMBER("n", i));
	hear();

	ck_assert_uint_eq(occurrences("time="), occurrences("\n"));
	ck_assert_int_eq(heard[strlen(heard) - 1], '\n');
}
END_TEST

START_TEST(a_reader_that_exited_does_not_block_the_worker)
{
	close(ends[0]);
	ends[0] = -1;

	for (int i = 0; i < 3; i++)
		LOG(&logger.logger, LOG_INFO, "line", LOG_NUMBER("n", i));

	ck_assert_uint_eq(logger.dropped, 3);
}
END_TEST

/* Opens a terminal, to which the logger then writes, and returns its other end. */
static int log_to_a_terminal(struct system_logger *to)
{
	int screen = posix_openpt(O_RDWR | O_NOCTTY), terminal;

	ck_assert_int_ge(screen, 0);
	ck_assert_int_eq(grantpt(screen), 0);
	ck_assert_int_eq(unlockpt(screen), 0);
	terminal = open(ptsname(screen), O_RDWR | O_NOCTTY);
	ck_assert_int_ge(terminal, 0);
	system_logger_init(to, terminal, LOG_INFO, LOG_FORMAT_LOGFMT);
	return screen;
}

static void log_for_a_while(struct system_logger *to)
{
	struct timespec begin;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < 10000; i++)
		LOG(&to->logger, LOG_INFO, "line", LOG_NUMBER("n", i));
	ck_assert_double_lt(seconds_since(&begin), 3);
	ck_assert_uint_gt(to->dropped, 0);
}

START_TEST(an_unread_terminal_does_not_block_the_worker)
{
	struct system_logger to;
	int screen = log_to_a_terminal(&to);

	log_for_a_while(&to);
	close(screen);
	LOG(&to.logger, LOG_INFO, "to a terminal that is closed", LOG_NUMBER("n", 1));
	system_logger_release(&to);
}
END_TEST

/* Stops the output, as Ctrl-S does. */
START_TEST(a_terminal_with_stopped_output_does_not_block_the_worker)
{
	struct system_logger to;
	int screen = log_to_a_terminal(&to);

	ck_assert_int_eq(tcflow(to.fd, TCOOFF), 0);
	log_for_a_while(&to);
	tcflow(to.fd, TCOON);
	close(screen);
	system_logger_release(&to);
}
END_TEST

/* systemd's journal is such a socket. */
START_TEST(an_unread_socket_does_not_block_the_worker)
{
	struct system_logger to;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	system_logger_init(&to, pair[1], LOG_INFO, LOG_FORMAT_LOGFMT);
	log_for_a_while(&to);
	system_logger_release(&to);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(the_shared_descriptor_stays_blocking_for_other_processes)
{
	ck_assert_int_ge(logger.own_fd, 0);
	ck_assert(!(fcntl(ends[1], F_GETFL) & O_NONBLOCK));
	ck_assert(fcntl(logger.own_fd, F_GETFL) & O_NONBLOCK);
}
END_TEST

static void *log_lines(void *context)
{
	for (int i = 0; i < 2000; i++)
		LOG(&logger.logger, LOG_INFO, "line", LOG_NUMBER("n", i));
	return context;
}

START_TEST(lines_of_several_threads_are_whole_and_dropped_ones_counted)
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, log_lines, NULL), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	hear();

	ck_assert_uint_eq(occurrences(" msg=line ") + logger.dropped, 6000);
	ck_assert_uint_eq(occurrences("time="), occurrences("\n"));
}
END_TEST

SUITE("logger", setup, teardown)
{
	tcase_add_test(tests, a_line_below_the_level_is_not_written);
	tcase_add_test(tests, journald_gets_priorities);
	tcase_add_test(tests, what_a_service_writes_elsewhere_has_the_time);
	tcase_add_test(tests, a_stuck_reader_of_the_log_does_not_block_the_worker);
	tcase_add_test(tests, dropped_lines_are_counted_in_the_next_line);
	tcase_add_test(tests, every_written_line_is_whole);
	tcase_add_test(tests, a_reader_that_exited_does_not_block_the_worker);
	tcase_add_test(tests, an_unread_terminal_does_not_block_the_worker);
	tcase_add_test(tests, a_terminal_with_stopped_output_does_not_block_the_worker);
	tcase_add_test(tests, an_unread_socket_does_not_block_the_worker);
	tcase_add_test(tests, the_shared_descriptor_stays_blocking_for_other_processes);
	tcase_add_test(tests, lines_of_several_threads_are_whole_and_dropped_ones_counted);
}
