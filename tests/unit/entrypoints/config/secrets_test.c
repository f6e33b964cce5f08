/* Passwords are found wherever a connection string may hold them. */
#include "entrypoints/config/secrets.h"
#include "support/suites.h"

#include <string.h>

static const struct {
	const char *text, *hidden;
} table[] = {
	{"redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"},
	{"redis://token@host:1/0", "redis://***@host:1/0"},
	{"rediss://token@host", "rediss://***@host"},
	{"redis+unix://token@/a:b/s", "redis+unix://***@/a:b/s"},
	{"redis://@host:1/0", "redis://@host:1/0"},
	{"postgresql://user@host:1/d", "postgresql://user@host:1/d"},
	{"redis://user:@host:1/0", "redis://user:@host:1/0"},
	{"redis://:pw@host:1/0", "redis://:***@host:1/0"},
	{"redis://user:pw@host/0", "redis://user:***@host/0"},
	{"redis://user:p:w@x@host/0", "redis://user:***@host/0"},
	{"redis://user:p/w?x#y@host/0", "redis://user:***@host/0"},
	{"redis+sentinel://a:1,b:2/main/0", "redis+sentinel://a:1,b:2/main/0"},
	{"redis+sentinel://me:pw@a:1,b:2/main/0", "redis+sentinel://me:***@a:1,b:2/main/0"},
	{"rediss+sentinel://token@a:1,b:2/main/0", "rediss+sentinel://***@a:1,b:2/main/0"},
	{"redis+unix://:pw@/run/redis.sock?db=1", "redis+unix://:***@/run/redis.sock?db=1"},
	{"https://token@collector:4318/v1/traces", "https://***@collector:4318/v1/traces"},
	{"http://user:pw@collector:4318", "http://user:***@collector:4318"},
	{"http://collector:4318/a@b", "http://collector:***@b"},
	{"postgresql:///allocd", "postgresql:///allocd"},
	{"postgresql://u:pw@h/d?sslmode=require", "postgresql://u:***@h/d?sslmode=require"},
	{"postgresql://h/d?password=pw&user=u", "postgresql://h/d?password=***&user=u"},
	{"postgresql://u:pw@h/d?sslpassword=pw2", "postgresql://u:***@h/d?sslpassword=***"},
	{"postgresql://h/d?passw%6frd=pw&user=u", "postgresql://h/d?passw%6frd=***&user=u"},
	{"postgresql://h/d?%70%61%73%73%77%6F%72%64=pw", "postgresql://h/d?%70%61%73%73%77%6F%72%64=***"},
	{"postgresql://h/d?ssl%50assword=pw", "postgresql://h/d?ssl%50assword=***"},
	{"postgresql://h/d?user=u%", "postgresql://h/d?user=u%"},
	{"postgresql://h/d?passw%6", "postgresql://h/d?passw%6"},
	{"postgresql://h/d?passw%6xrd=pw", "postgresql://h/d?passw%6xrd=pw"},
	{"host=h passw%6frd=pw", "host=h passw%6frd=pw"},
	{"host=h password=pw user=u", "host=h password=*** user=u"},
	{"host=h password = 'p w' user=u", "host=h password = *** user=u"},
	{"password='p\\'w x' host=h", "password=*** host=h"},
	{"password=p\\ w host=h", "password=*** host=h"},
	{"PASSWORD=pw", "PASSWORD=***"},
	{"password='open", "password=***"},
	{"user='password=' password='p w' host=h", "user='password=***"},
	{"user='it\\'s password=' password='p w'", "user='it\\'s password=***"},
	{"user='a' password='p w' host=h", "user='a' password=*** host=h"},
	{"user=a'b password='p w' host=h", "user=a'b password=*** host=h"},
	{"user=&password=' password='p w' host=h", "user=&password=***"},
	{"user='a'password = 'p w' host=h", "user='a'password = *** host=h"},
	{"password='p w'host=h", "password=*** host=h"},
	{"password='p w'password='q'host=h", "password=*** password=*** host=h"},
	{"user password='p w' host=h", "user password=***"},
	{"postgresql://h/d?password=abc#S3CR3T", "postgresql://h/d?password=***"},
	{"postgresql://h/d?password=abc#S3&user=u", "postgresql://h/d?password=***&user=u"},
	{"password='p://x&S3CR3T' host=h", "password=*** host=h"},
	{"user=u password=x://u:p@S3CR3T&a host=h", "user=u password=*** host=h"},
	{"host=h passfile=/a/password dbname=d", "host=h passfile=/a/password dbname=d"},
	{"", ""},
};

START_TEST(passwords_are_hidden_and_nothing_else)
{
	struct arena *arena = arena_new(256);
	const char *hidden = secrets_hidden(table[_i].text, arena);

	ck_assert_str_eq(hidden, table[_i].hidden);
	ck_assert_int_eq(secrets_present(table[_i].text), strcmp(table[_i].text, hidden) != 0);
	arena_free(&arena);
}
END_TEST

SUITE("secrets")
{
	tcase_add_loop_test(tests, passwords_are_hidden_and_nothing_else, 0, COUNT(table));
}
