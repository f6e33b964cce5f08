/* Files that hold a password: whole, in pieces, changed later, and readable by other users. */
#include "entrypoints/config/secret_file.h"

#include "adapters/system/instants.h"
#include "entrypoints/config/config.h"
#include "support/suites.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct arena *arena;
static char path[64];
static const char *error;
static struct secret_file file;

static void write_text(const char *text)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
}

static void set_up(void)
{
	int descriptor;

	arena = arena_new(4096);
	snprintf(path, sizeof path, "%s/secret-XXXXXX", suites_folder());
	descriptor = mkstemp(path);
	ck_assert_int_ge(descriptor, 0);
	close(descriptor);
}

static void tear_down(void)
{
	unlink(path);
	arena_free(&arena);
}

static void replace_by_pipe(void)
{
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void *write_in_pieces(void *pieces)
{
	int pipe = open(path, O_WRONLY);

	for (const char *const *piece = pieces; *piece; piece++) {
		ck_assert_int_eq(write(pipe, *piece, strlen(*piece)), (ssize_t)strlen(*piece));
		usleep(2000); /* lets the reader read this piece alone; the test passes either way */
	}
	close(pipe);
	return NULL;
}

static bool read_from_pipe(const char *const pieces[])
{
	pthread_t writer;
	bool done;

	replace_by_pipe();
	ck_assert_int_eq(pthread_create(&writer, NULL, write_in_pieces, (void *)(uintptr_t)pieces), 0);
	done = secret_file_read(&file, path, SECRET_FILE_WAIT_MS, arena, &error);
	pthread_join(writer, NULL);
	return done;
}

START_TEST(a_text_that_comes_in_pieces_is_read_to_its_end)
{
	static const char *const pieces[] = {"redis://:first", "-second", "-third@host/0", "\n", NULL};

	ck_assert(read_from_pipe(pieces));

	ck_assert_str_eq(file.text, "redis://:first-second-third@host/0");
	ck_assert(!file.is_regular);
}
END_TEST

START_TEST(a_pipe_that_ends_at_once_is_empty)
{
	ck_assert(!read_from_pipe((const char *const[]){NULL}));

	ck_assert_ptr_nonnull(strstr(error, "is empty"));
}
END_TEST

static void fill(char *text, size_t size)
{
	memset(text, 'x', size);
	text[size] = '\0';
}

START_TEST(the_longest_text_is_read_and_a_longer_one_is_refused)
{
	char text[SECRET_FILE_MAX + 2];

	fill(text, SECRET_FILE_MAX);
	write_text(text);
	ck_assert(secret_file_read(&file, path, SECRET_FILE_WAIT_MS, arena, &error));
	ck_assert_str_eq(file.text, text);

	fill(text, SECRET_FILE_MAX + 1);
	write_text(text);
	ck_assert(!secret_file_read(&file, path, SECRET_FILE_WAIT_MS, arena, &error));
	ck_assert_ptr_nonnull(strstr(error, "longer than 4096 bytes"));
}
END_TEST

START_TEST(a_directory_is_refused)
{
	ck_assert(!secret_file_read(&file, "/tmp", SECRET_FILE_WAIT_MS, arena, &error));

	ck_assert_str_eq(error, "cannot read '/tmp': Is a directory");
}
END_TEST

/* ---- the configuration reads settings from files ---- */

static struct config config;

static const char *url_now(void)
{
	error = NULL;
	return config_read_url(config_url(&config, "REDIS_URL"), arena, &error);
}

static void load(void)
{
	const char *const environment[] = {arena_printf(arena, "REDIS_URL_FILE=%s", path), NULL};
	struct faults faults = {.arena = arena};

	config_load(&config, arena, environment, NULL, 0, &faults);
	ck_assert_uint_eq(faults.count, 0);
}

START_TEST(a_file_that_has_become_a_pipe_does_not_block)
{
	int64_t begin_ms;

	write_text("redis://:old@host/0\n");
	load();
	replace_by_pipe();
	begin_ms = monotonic_ms();

	ck_assert_ptr_null(url_now());

	ck_assert_int_lt(monotonic_ms() - begin_ms, SECRET_FILE_WAIT_MS / 2);
	ck_assert_ptr_nonnull(strstr(error, "REDIS_URL_FILE: cannot read"));
}
END_TEST

START_TEST(a_pipe_that_stays_open_is_given_up_at_the_deadline)
{
	int64_t begin_ms;
	int writer;

	write_text("redis://:old@host/0\n");
	load();
	replace_by_pipe();
	writer = open(path, O_RDWR);
	ck_assert_int_eq(write(writer, "redis", 5), 5);
	begin_ms = monotonic_ms();

	ck_assert_ptr_null(url_now());

	ck_assert_int_lt(monotonic_ms() - begin_ms, SECRET_FILE_WAIT_MS / 2);
	close(writer);
}
END_TEST

START_TEST(a_file_that_changed_is_read_again)
{
	write_text("redis://:old@host/0\n");
	load();

	write_text("redis://:new@host/0\n");

	ck_assert_str_eq(url_now(), "redis://:new@host/0");
}
END_TEST

START_TEST(a_missing_file_is_reported_until_it_is_back)
{
	write_text("redis://:old@host/0\n");
	load();

	unlink(path);
	ck_assert_ptr_null(url_now());
	ck_assert_str_eq(
		error,
		arena_printf(arena, "REDIS_URL_FILE: cannot read '%s': No such file or directory", path));

	write_text("redis://:new@host/0\n");
	ck_assert_str_eq(url_now(), "redis://:new@host/0");
}
END_TEST

static void *write_url(void *context)
{
	static const char *const pieces[] = {"redis://:piped", "@host/0\n", NULL};

	(void)context;
	return write_in_pieces((void *)(uintptr_t)pieces);
}

START_TEST(a_pipe_is_read_once)
{
	pthread_t writer;

	replace_by_pipe();
	ck_assert_int_eq(pthread_create(&writer, NULL, write_url, NULL), 0);
	load();
	pthread_join(writer, NULL);

	ck_assert_str_eq(url_now(), "redis://:piped@host/0");
}
END_TEST

static size_t warnings;

static void count_warning(struct logger *logger, enum log_level level, const char *message,
			  const struct log_field *fields, size_t count)
{
	(void)logger, (void)fields, (void)count;
	ck_assert_int_eq(level, LOG_WARN);
	ck_assert_str_eq(message,
			 "every user of this machine can read a password in a file: chmod 600 protects it");
	warnings++;
}

static const struct {
	mode_t mode;
	const char *text;
	size_t warnings;
} exposures[] = {
	{0600, "redis://:secret@host/0", 0},  {0640, "redis://:secret@host/0", 0},
	{0444, "redis://host/0", 0},          {0644, "redis://:secret@host/0", 1},
	{0604, "redis://u:secret@host/0", 1},
};

START_TEST(a_password_file_that_every_user_can_read_is_logged)
{
	struct logger logger = {.level = LOG_DEBUG, .write = count_warning};
	const char *const nothing[] = {NULL};

	warnings = 0;
	write_text(exposures[_i].text);
	chmod(path, exposures[_i].mode);
	load();

	config_warn(&config, nothing, &logger);

	ck_assert_uint_eq(warnings, exposures[_i].warnings);
}
END_TEST

SUITE("secret files", set_up, tear_down)
{
	tcase_add_test(tests, a_text_that_comes_in_pieces_is_read_to_its_end);
	tcase_add_test(tests, a_pipe_that_ends_at_once_is_empty);
	tcase_add_test(tests, the_longest_text_is_read_and_a_longer_one_is_refused);
	tcase_add_test(tests, a_directory_is_refused);
	tcase_add_test(tests, a_file_that_changed_is_read_again);
	tcase_add_test(tests, a_file_that_has_become_a_pipe_does_not_block);
	tcase_add_test(tests, a_pipe_that_stays_open_is_given_up_at_the_deadline);
	tcase_add_test(tests, a_missing_file_is_reported_until_it_is_back);
	tcase_add_test(tests, a_pipe_is_read_once);
	tcase_add_loop_test(tests, a_password_file_that_every_user_can_read_is_logged, 0, COUNT(exposures));
}
