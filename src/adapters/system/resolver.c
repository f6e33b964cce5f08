/* Runs getaddrinfo in a thread: only it honours all of the system's configuration, and it blocks. */
#include "adapters/system/resolver.h"

#include "core/base/must.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A silent name server blocks a thread for half a minute or more; beyond this many a look-up is refused. */
#define THREADS_MAX 64

static atomic_int threads;

/* The thread and the loop share a look-up; the last of the two to release it frees it. */
struct lookup {
	atomic_int holders;
	int answered_fd; /* an eventfd that wakes the loop; -1: there is no thread to answer */
	char *host;
	char service[8];

	pthread_mutex_t mutex; /* guards the answer */
	struct addrinfo *addresses;
	const char *error; /* static */
	char words[128];   /* the system's error, when `error` points here */
};

struct resolver {
	struct lookup *lookup;
	struct event *answered;
	resolver_done *done;
	void *context;
};

static struct lookup *lookup_new(const char *host, uint16_t port)
{
	struct lookup *lookup = must_alloc(sizeof *lookup);

	atomic_init(&lookup->holders, 1);
	pthread_mutex_init(&lookup->mutex, NULL);
	lookup->answered_fd = -1;
	lookup->host = must(strdup(host));
	snprintf(lookup->service, sizeof lookup->service, "%u", port);
	return lookup;
}

static void lookup_release(struct lookup *lookup)
{
	if (atomic_fetch_sub(&lookup->holders, 1) > 1)
		return;
	if (lookup->addresses)
		freeaddrinfo(lookup->addresses);
	if (lookup->answered_fd >= 0)
		close(lookup->answered_fd);
	pthread_mutex_destroy(&lookup->mutex);
	free(lookup->host);
	free(lookup);
}

static const char *system_words(struct lookup *lookup, int error)
{
	char buffer[sizeof lookup->words];

	snprintf(lookup->words, sizeof lookup->words, "%s", strerror_r(error, buffer, sizeof buffer));
	return lookup->words;
}

/* Looks the name up; true when it has addresses. */
static bool resolve(struct lookup *lookup, int flags)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICSERV | flags, .ai_socktype = SOCK_STREAM},
			*found = NULL;
	int error = getaddrinfo(lookup->host, lookup->service, &hints, &found), system_error = errno;

	pthread_mutex_lock(&lookup->mutex);
	lookup->addresses = error ? NULL : found;
	lookup->error = error == EAI_SYSTEM ? system_words(lookup, system_error)
			: error             ? gai_strerror(error)
					    : NULL;
	pthread_mutex_unlock(&lookup->mutex);
	return !error;
}

/* ---- in the thread ---- */

static void *run(void *context)
{
	struct lookup *lookup = context;

	resolve(lookup, AI_ADDRCONFIG);
	atomic_fetch_sub(&threads, 1);
	eventfd_write(lookup->answered_fd, 1);
	lookup_release(lookup);
	return NULL;
}

/* ---- in the loop ---- */

/* The thread blocks all signals, which the loop handles.  Returns an errno, or 0. */
static int create_thread(struct lookup *lookup)
{
	sigset_t all, before;
	pthread_t thread;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, run, lookup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		pthread_detach(thread);
	return error;
}

/* False, with the error in the look-up, when no thread can be started. */
static bool start_thread(struct lookup *lookup)
{
	int error = 0;

	if (atomic_fetch_add(&threads, 1) >= THREADS_MAX) {
		lookup->error = "too many name look-ups are in flight";
		atomic_fetch_sub(&threads, 1);
		return false;
	}
	lookup->answered_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (lookup->answered_fd < 0)
		error = errno;
	atomic_fetch_add(&lookup->holders, 1);
	if (!error)
		error = create_thread(lookup);
	if (!error)
		return true;
	lookup->error = system_words(lookup, error);
	atomic_fetch_sub(&lookup->holders, 1);
	atomic_fetch_sub(&threads, 1);
	return false;
}

static void on_answered(evutil_socket_t fd, short what, void *context)
{
	struct resolver *resolver = context;
	struct resolver ended = *resolver;
	struct addrinfo *addresses;
	char error[sizeof ended.lookup->words] = "";

	(void)fd;
	(void)what;
	pthread_mutex_lock(&ended.lookup->mutex);
	addresses = ended.lookup->addresses;
	ended.lookup->addresses = NULL;
	if (ended.lookup->error)
		snprintf(error, sizeof error, "%s", ended.lookup->error);
	pthread_mutex_unlock(&ended.lookup->mutex);
	resolver_cancel(&resolver);
	ended.done(ended.context, addresses, addresses ? NULL : error);
}

struct resolver *resolver_start(struct event_base *base, const char *host, uint16_t port, resolver_done *done,
				void *context)
{
	struct resolver *resolver = must_alloc(sizeof *resolver);
	struct lookup *lookup = lookup_new(host, port);

	*resolver = (struct resolver){lookup, NULL, done, context};
	/* A numeric address needs no thread, and an error needs no descriptor to report it. */
	if (resolve(lookup, AI_NUMERICHOST) || !start_thread(lookup)) {
		resolver->answered = must(evtimer_new(base, on_answered, resolver));
		event_add(resolver->answered, &(struct timeval){0});
		return resolver;
	}
	resolver->answered = must(event_new(base, lookup->answered_fd, EV_READ, on_answered, resolver));
	event_add(resolver->answered, NULL);
	return resolver;
}

void resolver_cancel(struct resolver **resolver)
{
	if (!*resolver)
		return;
	event_free((*resolver)->answered);
	lookup_release((*resolver)->lookup);
	free(*resolver);
	*resolver = NULL;
}

bool resolver_is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}
