/* REDIS_URL: the valid forms, and the errors for invalid ones. */
#include "adapters/redis/server/redis_url.h"

#include "support/suites.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *text;
	bool tls;
	const char *host;
	uint16_t port;
	const char *path, *user, *password;
	int database;
	const char *address;
} good[] = {
	{"redis://127.0.0.1:6379/0", false, "127.0.0.1", 6379, NULL, NULL, NULL, 0, "127.0.0.1:6379"},
	{"redis://localhost", false, "localhost", 6379, NULL, NULL, NULL, 0, "localhost:6379"},
	{"redis://localhost/", false, "localhost", 6379, NULL, NULL, NULL, 0, "localhost:6379"},
	{"redis://localhost:", false, "localhost", 6379, NULL, NULL, NULL, 0, "localhost:6379"},
	{"redis://r.example.com:1/15", false, "r.example.com", 1, NULL, NULL, NULL, 15, "r.example.com:1"},
	{"redis://h:65535?db=3", false, "h", 65535, NULL, NULL, NULL, 3, "h:65535"},
	{"redis://h/2147483647", false, "h", 6379, NULL, NULL, NULL, 2147483647, "h:6379"},
	{"rediss://h:6380", true, "h", 6380, NULL, NULL, NULL, 0, "h:6380"},
	{"redis://[::1]:6379/1", false, "::1", 6379, NULL, NULL, NULL, 1, "[::1]:6379"},
	{"redis://[fe80::1]", false, "fe80::1", 6379, NULL, NULL, NULL, 0, "[fe80::1]:6379"},
	{"redis://:secret@h", false, "h", 6379, NULL, NULL, "secret", 0, "h:6379"},
	{"redis://me:secret@h", false, "h", 6379, NULL, "me", "secret", 0, "h:6379"},
	{"redis://me@h", false, "h", 6379, NULL, "me", NULL, 0, "h:6379"},
	{"redis://@h", false, "h", 6379, NULL, NULL, NULL, 0, "h:6379"},
	{"redis://:@h", false, "h", 6379, NULL, NULL, NULL, 0, "h:6379"},
	{"redis://m%65:p%40s%3a%2F%25@h", false, "h", 6379, NULL, "me", "p@s:/%", 0, "h:6379"},
	{"redis://me:p@ss:w@h:1", false, "h", 1, NULL, "me", "p@ss:w", 0, "h:1"},
	{"redis://:%C3%a9@h", false, "h", 6379, NULL, NULL, "é", 0, "h:6379"},
	{"redis+unix:///run/r.sock", false, NULL, 0, "/run/r.sock", NULL, NULL, 0, "/run/r.sock"},
	{"redis+unix:///run/r.sock?db=2", false, NULL, 0, "/run/r.sock", NULL, NULL, 2, "/run/r.sock"},
	{"redis+unix://me:pw@/a%20b/s", false, NULL, 0, "/a b/s", "me", "pw", 0, "/a b/s"},
};

static void assert_text(const char *text, const char *expected)
{
	if (expected)
		ck_assert_str_eq(text, expected);
	else
		ck_assert_ptr_null(text);
}

START_TEST(a_url_is_parsed_into_address_and_credentials)
{
	struct redis_url url;
	const char *error;

	ck_assert_msg(redis_url_parse(&url, good[_i].text, &error), "%s: %s", good[_i].text, error);

	ck_assert_int_eq(url.tls, good[_i].tls);
	assert_text(url.host, good[_i].host);
	ck_assert_uint_eq(url.port, good[_i].port);
	assert_text(url.path, good[_i].path);
	assert_text(url.user, good[_i].user);
	assert_text(url.password, good[_i].password);
	ck_assert_int_eq(url.database, good[_i].database);
	ck_assert_str_eq(url.address, good[_i].address);
	redis_url_release(&url);
}
END_TEST

static const struct {
	const char *text, *error; /* a part of the error */
} bad[] = {
	{"", "redis://"},
	{"hunter2", "redis://"},
	{"http://:hunter2@h", "redis://"},
	{"REDIS://:hunter2@h", "redis://"},
	{"redis:/:hunter2@h", "redis://"},
	{"redis://", "host"},
	{"redis://:hunter2@", "host"},
	{"redis://:hunter2@:6379", "host"},
	{"redis:///0", "host"},
	{"redis://:hunter2@h h", "host"},
	{"redis://:hunter2@h\xc3\xa9", "host"},
	{"redis://:hunter2@[::1", "]"},
	{"redis://:hunter2@[]", "host"},
	{"redis://:hunter2@[::1]x", "port"},
	{"redis://:hunter2@h:0", "port"},
	{"redis://:hunter2@h:65536", "port"},
	{"redis://:hunter2@h:99999999999999999999", "port"},
	{"redis://:hunter2@h:6379x", "port"},
	{"redis://:hunter2@h:-1", "port"},
	{"redis://me:hunter/2@h", "port"},
	{"redis://:hunter2@h/x", "database"},
	{"redis://:hunter2@h/-1", "database"},
	{"redis://:hunter2@h/1/", "database"},
	{"redis://:hunter2@h/2147483648", "database"},
	{"redis://:hunter2@h?db=", "database"},
	{"redis://:hunter2@h?db=x", "database"},
	{"redis://:hunter2@h?timeout=1", "parameter"},
	{"redis://:hunter2@h?db=1&x=2", "database"},
	{"redis://:hunter2@h#f", "fragment"},
	{"redis://:hunter2%@h", "password"},
	{"redis://:hunter2%1@h", "password"},
	{"redis://:hunter2%1x@h", "password"},
	{"redis://:hunter2%x1@h", "password"},
	{"redis://:hunter2%00@h", "password"},
	{"redis://me%zz:hunter2@h", "user"},
	{"redis+unix://:hunter2@", "path"},
	{"redis+unix:///", "path"},
	{"redis+unix://h/path", "host"},
	{"redis+unix:///path?x=1", "parameter"},
	{"redis+unix:///path?db=x", "database"},
	{"redis+unix:///%00", "path"},
	{"redis+sentinel://:hunter2@/main", "host"},
	{"redis+sentinel://:hunter2@a,,b/main", "host"},
	{"redis+sentinel://:hunter2@a,/main", "host"},
	{"redis+sentinel://:hunter2@a:x,b/main", "port"},
	{"redis+sentinel://:hunter2@a", "master"},
	{"redis+sentinel://:hunter2@a/", "master"},
	{"redis+sentinel://:hunter2@a//0", "master"},
	{"redis+sentinel://me:1/hunter2@a/main", "master"},
	{"redis+sentinel://:hunter2@a/main/x", "database"},
	{"redis+sentinel://:hunter2@a/main/0/", "database"},
	{"redis+sentinel://:hunter2@1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17/main", "16"},
};

START_TEST(a_url_of_sentinels_names_them_and_the_master)
{
	struct redis_url url;
	const char *error;

	ck_assert(redis_url_parse(&url, "rediss+sentinel://me:p,w@a:1,[::1]:2,c/stock.main/3", &error));

	ck_assert_uint_eq(url.sentinel_count, 3);
	ck_assert_str_eq(url.sentinels[1].host, "::1");
	ck_assert_uint_eq(url.sentinels[1].port, 2);
	ck_assert_uint_eq(url.sentinels[2].port, 26379);
	ck_assert_str_eq(url.master, "stock.main");
	ck_assert_int_eq(url.database, 3);
	ck_assert(url.tls);
	ck_assert_str_eq(url.user, "me");
	ck_assert_str_eq(url.password, "p,w");
	assert_text(url.host, NULL);
	ck_assert_str_eq(url.address, "stock.main by sentinels a:1,[::1]:2,c:26379");
	redis_url_release(&url);
}
END_TEST

START_TEST(a_redirected_url_is_still_the_same)
{
	struct redis_url url, other;
	const char *error;

	ck_assert(redis_url_parse(&url, "redis+sentinel://a/main", &error));
	ck_assert(redis_url_parse(&other, "redis+sentinel://a/main", &error));
	redis_url_redirect(&url, "10.0.0.1", 7000);

	ck_assert_str_eq(url.address, "10.0.0.1:7000");
	ck_assert(redis_url_is_same(&url, &other));
	redis_url_release(&other);
	ck_assert(redis_url_parse(&other, "redis+sentinel://a/other", &error));
	ck_assert(!redis_url_is_same(&url, &other));
	redis_url_release(&other);
	redis_url_release(&url);
}
END_TEST

/* A node of a cluster leaves out the host of another node that has the same. */
START_TEST(a_url_may_be_redirected_to_another_port_of_its_own_host)
{
	struct redis_url url;
	const char *error;

	ck_assert(redis_url_parse(&url, "redis://redis-1.example.com:7000", &error));
	redis_url_redirect(&url, url.host, 7001);

	ck_assert_str_eq(url.host, "redis-1.example.com");
	ck_assert_str_eq(url.address, "redis-1.example.com:7001");
	redis_url_release(&url);
}
END_TEST

START_TEST(a_wrong_url_is_reported_without_quoting_it)
{
	struct redis_url url;
	const char *error;

	ck_assert_msg(!redis_url_parse(&url, bad[_i].text, &error), "%s", bad[_i].text);

	ck_assert_msg(strstr(error, bad[_i].error), "%s: %s", bad[_i].text, error);
	ck_assert_ptr_null(strstr(error, "hunter"));
	ck_assert_ptr_null(url.password);
}
END_TEST

START_TEST(a_socket_path_may_be_as_long_as_the_kernel_allows)
{
	char text[160] = "redis+unix://";
	size_t prefix = strlen(text);
	struct redis_url url;
	const char *error;

	memset(text + prefix, '/', 107);
	ck_assert(redis_url_parse(&url, text, &error));
	redis_url_release(&url);

	text[prefix + 107] = '/';
	ck_assert(!redis_url_parse(&url, text, &error));
}
END_TEST

START_TEST(a_host_may_be_as_long_as_a_dns_name)
{
	char text[300] = "redis://";
	size_t prefix = strlen(text);
	struct redis_url url;
	const char *error;

	memset(text + prefix, 'h', REDIS_HOST_MAX);
	ck_assert(redis_url_parse(&url, text, &error));
	ck_assert_uint_eq(strlen(url.address), REDIS_HOST_MAX + strlen(":6379"));
	redis_url_release(&url);

	text[prefix + REDIS_HOST_MAX] = 'h';
	ck_assert(!redis_url_parse(&url, text, &error));
}
END_TEST

SUITE("redis url")
{
	tcase_add_loop_test(tests, a_url_is_parsed_into_address_and_credentials, 0, COUNT(good));
	tcase_add_test(tests, a_url_of_sentinels_names_them_and_the_master);
	tcase_add_test(tests, a_redirected_url_is_still_the_same);
	tcase_add_test(tests, a_url_may_be_redirected_to_another_port_of_its_own_host);
	tcase_add_loop_test(tests, a_wrong_url_is_reported_without_quoting_it, 0, COUNT(bad));
	tcase_add_test(tests, a_socket_path_may_be_as_long_as_the_kernel_allows);
	tcase_add_test(tests, a_host_may_be_as_long_as_a_dns_name);
}
