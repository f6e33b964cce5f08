/* Decides what may be sent as plain text, and to which addresses. */
#include "adapters/smtp/smtp_tls.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

static bool is_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

	if (address->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static bool are_all_loopback(const struct addrinfo *addresses)
{
	while (addresses && is_loopback(addresses->ai_addr))
		addresses = addresses->ai_next;
	return !addresses;
}

enum smtp_need smtp_need_of_tls(enum smtp_tls tls, bool has_password, const struct addrinfo *addresses)
{
	if (tls == SMTP_TLS_OFF)
		return SMTP_NO_TLS;
	if (tls == SMTP_TLS_REQUIRED || (has_password && !are_all_loopback(addresses)))
		return SMTP_TLS_OR_NOTHING;
	return SMTP_TLS_WHEN_OFFERED;
}
