/* When a mail needs TLS. */
#include "support/suites.h"

#include "adapters/smtp/smtp_tls.h"

#include <netdb.h>
#include <stddef.h>

static const struct {
	enum smtp_tls tls;
	bool has_password;
	const char *addresses[2];
	enum smtp_need need;
} rules[] = {
	{SMTP_TLS_AUTO, false, {"192.0.2.1"}, SMTP_TLS_WHEN_OFFERED},
	{SMTP_TLS_AUTO, true, {"192.0.2.1"}, SMTP_TLS_OR_NOTHING},
	{SMTP_TLS_AUTO, true, {"2001:db8::1"}, SMTP_TLS_OR_NOTHING},
	{SMTP_TLS_AUTO, true, {"127.0.0.1"}, SMTP_TLS_WHEN_OFFERED},
	{SMTP_TLS_AUTO, true, {"127.9.9.9"}, SMTP_TLS_WHEN_OFFERED},
	{SMTP_TLS_AUTO, true, {"::1"}, SMTP_TLS_WHEN_OFFERED},
	{SMTP_TLS_AUTO, true, {"127.0.0.1", "::1"}, SMTP_TLS_WHEN_OFFERED},
	{SMTP_TLS_AUTO, true, {"127.0.0.1", "192.0.2.1"}, SMTP_TLS_OR_NOTHING},
	{SMTP_TLS_AUTO, true, {"::ffff:192.0.2.1"}, SMTP_TLS_OR_NOTHING},
	{SMTP_TLS_REQUIRED, false, {"127.0.0.1"}, SMTP_TLS_OR_NOTHING},
	{SMTP_TLS_OFF, true, {"192.0.2.1"}, SMTP_NO_TLS},
};

static struct addrinfo *address_of(const char *text)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found = NULL;

	if (text)
		ck_assert_int_eq(getaddrinfo(text, "25", &hints, &found), 0);
	return found;
}

START_TEST(a_password_is_sent_as_plain_text_only_to_this_machine_or_with_tls_off)
{
	struct addrinfo *first = address_of(rules[_i].addresses[0]);
	struct addrinfo *second = address_of(rules[_i].addresses[1]);

	first->ai_next = second;

	ck_assert_int_eq(smtp_need_of_tls(rules[_i].tls, rules[_i].has_password, first), rules[_i].need);

	first->ai_next = NULL;
	freeaddrinfo(first);
	if (second)
		freeaddrinfo(second);
}
END_TEST

SUITE("smtp tls")
{
	tcase_add_loop_test(tests, a_password_is_sent_as_plain_text_only_to_this_machine_or_with_tls_off, 0,
			    (int)(sizeof rules / sizeof rules[0]));
}
