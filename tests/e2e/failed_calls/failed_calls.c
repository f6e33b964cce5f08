/*
 * Makes one call of libc fail: a library for LD_PRELOAD.
 *
 * FAILED_CALLS names a file that the test has made, of the size of struct plan; both map it.  So the test
 * chooses at any moment which call fails next, and reads which calls there were.  A call has a place: the
 * function and the calls on the stack, without the addresses at which the libraries are loaded, so that it is
 * the same in each run of a program.  After one call has failed, no other one does until the test chooses it.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#define CALLS_MAX  (1 << 17)
#define ERRORS_MAX 6
#define DEPTH      24 /* calls on the stack that make a place */

/* The first two are of this library. */
#define OWN_DEPTH 2

enum kind { KIND_NONE, KIND_ALLOCATION, KIND_SYSTEM_CALL };

/* clang-format off */
enum function {
	MALLOC, CALLOC, REALLOC, POSIX_MEMALIGN, ALIGNED_ALLOC, ALLOCATIONS,
	RECEIVE = ALLOCATIONS, SEND, READ_FILE, READ, WRITE_FILE, WRITE, GETRANDOM,
	SOCKET, SOCKETPAIR, CONNECT, BIND, LISTEN, ACCEPT4, SETSOCKOPT,
	POLL, EPOLL_CREATE1, EPOLL_CTL, EPOLL_WAIT, EVENTFD, TIMERFD_CREATE, PIPE2,
	OPEN, FOPEN, OPENDIR, GETADDRINFO, PTHREAD_CREATE, NEVER_FAILS,
};
/* clang-format on */

/* Besides errors: only one byte is read or written, and the end of what is read. */
#define ONE_BYTE (-1)
#define AT_END   (-2)

/* The errors that Linux gives for each function. */
static const struct {
	const char *name;
	int errors[ERRORS_MAX];
} functions[] = {
	[MALLOC] = {"malloc", {ENOMEM}},
	[CALLOC] = {"calloc", {ENOMEM}},
	[REALLOC] = {"realloc", {ENOMEM}},
	[POSIX_MEMALIGN] = {"posix_memalign", {ENOMEM}},
	[ALIGNED_ALLOC] = {"aligned_alloc", {ENOMEM}},
	[RECEIVE] = {"receive", {ECONNRESET, ETIMEDOUT, EINTR, EAGAIN, ONE_BYTE, AT_END}},
	[SEND] = {"send", {ECONNRESET, EPIPE, EINTR, EAGAIN, ENOBUFS, ONE_BYTE}},
	[READ_FILE] = {"read a file", {EINTR, EIO}},
	[READ] = {"read", {EINTR}},
	[WRITE_FILE] = {"write a file", {EINTR, EIO, ENOSPC, ONE_BYTE}},
	[WRITE] = {"write", {EINTR}},
	[GETRANDOM] = {"getrandom", {EINTR, ONE_BYTE}},
	[SOCKET] = {"socket", {EMFILE, ENOBUFS}},
	[SOCKETPAIR] = {"socketpair", {EMFILE, ENOBUFS}},
	[CONNECT] = {"connect", {ECONNREFUSED, EADDRNOTAVAIL}},
	[BIND] = {"bind", {EADDRINUSE, ENOBUFS}},
	[LISTEN] = {"listen", {EADDRINUSE}},
	[ACCEPT4] = {"accept4", {EMFILE, ECONNABORTED, ENOBUFS, EINTR}},
	[SETSOCKOPT] = {"setsockopt", {ENOMEM}},
	[POLL] = {"poll", {EINTR, ENOMEM}},
	[EPOLL_CREATE1] = {"epoll_create1", {EMFILE, ENOMEM}},
	[EPOLL_CTL] = {"epoll_ctl", {ENOMEM, ENOSPC}},
	[EPOLL_WAIT] = {"epoll_wait", {EINTR}},
	[EVENTFD] = {"eventfd", {EMFILE, ENOMEM}},
	[TIMERFD_CREATE] = {"timerfd_create", {EMFILE, ENOMEM}},
	[PIPE2] = {"pipe2", {EMFILE}},
	[OPEN] = {"open", {EMFILE, ENOMEM, EIO}},
	[FOPEN] = {"fopen", {EMFILE, ENOMEM}},
	[OPENDIR] = {"opendir", {EMFILE, ENOMEM}},
	[GETADDRINFO] = {"getaddrinfo", {EAI_AGAIN, EAI_MEMORY}},
	[PTHREAD_CREATE] = {"pthread_create", {EAGAIN}},
};

struct counted_call {
	uint64_t place;
	uint32_t errors; /* how many the call can give */
	char name[20];
};

/* The test has the same struct, in failed_calls.py. */
struct plan {
	atomic_uint counted_kind; /* calls of this kind are counted */
	atomic_uint failing_kind; /* one of this kind fails */
	uint64_t place;           /* at this place, or 0: at any */
	atomic_llong nth;         /* the number of the call that fails, from 1 */
	uint32_t error;           /* which of its errors it gives, from 0 */
	atomic_uint has_failed;   /* what follows is written */
	char failed[64];          /* "receive: ECONNRESET" */
	char stack[1024];         /* "allocd+0x1234 …", the innermost call first */
	atomic_llong count;       /* of the calls that were counted */
	struct counted_call calls[CALLS_MAX];
};

static struct plan *plan;
static __thread bool is_inside __attribute__((tls_model("initial-exec")));

/* ---- which call it is ---- */

static uintptr_t relative(const void *address, const char **module)
{
	Dl_info info;

	if (!dladdr(address, &info) || !info.dli_fbase)
		return 0;
	*module = info.dli_fname;
	return (uintptr_t)address - (uintptr_t)info.dli_fbase;
}

static uint64_t mixed(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

static uint64_t place_of(enum function function, void *const *stack, int depth)
{
	uint64_t place = mixed(0, function);
	const char *module;

	for (int i = OWN_DEPTH; i < depth; i++)
		place = mixed(place, relative(stack[i], &module));
	return place ? place : 1;
}

static void describe_stack(void *const *stack, int depth)
{
	size_t size = 0;

	for (int i = OWN_DEPTH; i < depth && size < sizeof plan->stack; i++) {
		const char *module = "?", *slash;
		uintptr_t offset = relative(stack[i], &module);

		slash = strrchr(module, '/');
		size += (size_t)snprintf(plan->stack + size, sizeof plan->stack - size, "%s+%#zx ",
					 slash ? slash + 1 : module, (size_t)offset);
	}
}

static uint32_t errors_of(enum function function)
{
	uint32_t count = 0;

	while (count < ERRORS_MAX && functions[function].errors[count])
		count++;
	return count;
}

static void count(enum function function, uint64_t place)
{
	long long number = atomic_fetch_add(&plan->count, 1);
	struct counted_call *call;

	if (number >= CALLS_MAX)
		return;
	call = &plan->calls[number];
	call->place = place;
	call->errors = errors_of(function);
	snprintf(call->name, sizeof call->name, "%s", functions[function].name);
}

static const char *name_of(int error)
{
	switch (error) {
	case ONE_BYTE:
		return "one byte";
	case AT_END:
		return "the end";
	default:
		return error < 0 ? gai_strerror(error) : strerrorname_np(error);
	}
}

static bool is_chosen(enum kind kind, uint64_t place)
{
	return atomic_load(&plan->failing_kind) == kind && (!plan->place || plan->place == place) &&
	       atomic_fetch_sub(&plan->nth, 1) == 1;
}

static int fail(enum function function, void *const *stack, int depth)
{
	int error = functions[function].errors[plan->error % errors_of(function)];

	atomic_store(&plan->failing_kind, KIND_NONE);
	snprintf(plan->failed, sizeof plan->failed, "%s: %s", functions[function].name, name_of(error));
	describe_stack(stack, depth);
	atomic_store(&plan->has_failed, 1);
	return error;
}

/* Returns what happens instead of the call, or 0.  Not inlined, because of OWN_DEPTH. */
__attribute__((noinline)) static int failure_of(enum function function)
{
	enum kind kind = function < ALLOCATIONS ? KIND_ALLOCATION : KIND_SYSTEM_CALL;
	int depth, error = 0, before = errno;
	void *stack[DEPTH];
	uint64_t place;

	if (!plan || is_inside || function == NEVER_FAILS)
		return 0;
	if (atomic_load(&plan->failing_kind) != kind && atomic_load(&plan->counted_kind) != kind)
		return 0;
	is_inside = true;
	depth = backtrace(stack, DEPTH);
	place = place_of(function, stack, depth);
	if (atomic_load(&plan->counted_kind) == kind)
		count(function, place);
	if (is_chosen(kind, place))
		error = fail(function, stack, depth);
	is_inside = false;
	errno = before;
	return error;
}

/* The first backtrace() loads a library, which allocates. */
__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAILED_CALLS");
	void *stack[DEPTH], *mapped;
	int fd;

	if (!path)
		return;
	backtrace(stack, DEPTH);
	fd = open(path, O_RDWR | O_CLOEXEC);
	mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		abort();
	close(fd);
	plan = mapped;
}

/* ---- the functions ---- */

#define REAL(name) real_##name

/* Looks the replaced function up at its first use. */
#define REPLACES(name)                                                                                       \
	static __typeof__(&(name)) real_##name;                                                              \
	if (!real_##name) {                                                                                  \
		void *replaced = dlsym(RTLD_NEXT, #name);                                                    \
		memcpy(&real_##name, &replaced, sizeof replaced);                                            \
	}

static int fail_with(int error)
{
	errno = error;
	return -1;
}

static void *null_with(int error)
{
	errno = error;
	return NULL;
}

void *malloc(size_t size)
{
	int error = failure_of(MALLOC);

	REPLACES(malloc)
	return error ? null_with(error) : REAL(malloc)(size);
}

void *calloc(size_t count, size_t size)
{
	int error = failure_of(CALLOC);

	REPLACES(calloc)
	return error ? null_with(error) : REAL(calloc)(count, size);
}

void *realloc(void *memory, size_t size)
{
	int error = size ? failure_of(REALLOC) : 0;

	REPLACES(realloc)
	return error ? null_with(error) : REAL(realloc)(memory, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
	int error = failure_of(POSIX_MEMALIGN);

	REPLACES(posix_memalign)
	return error ? error : REAL(posix_memalign)(memory, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	int error = failure_of(ALIGNED_ALLOC);

	REPLACES(aligned_alloc)
	return error ? null_with(error) : REAL(aligned_alloc)(alignment, size);
}

/* ---- bytes ---- */

static mode_t type_of(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

/* Of a pipe or an eventfd, only a call that waits can fail. */
static enum function of_waiting(int fd, enum function function)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK ? NEVER_FAILS : function;
}

static enum function reading(int fd)
{
	mode_t type = type_of(fd);

	return type == S_IFSOCK ? RECEIVE : type == S_IFREG ? READ_FILE : of_waiting(fd, READ);
}

static enum function writing(int fd)
{
	mode_t type = type_of(fd);

	return type == S_IFSOCK ? SEND : type == S_IFREG ? WRITE_FILE : of_waiting(fd, WRITE);
}

/* A socket that has reported such an error is of no more use, so it is made so. */
static ssize_t end_transfer(int fd, int error)
{
	if (error == ECONNRESET || error == EPIPE || error == ETIMEDOUT || error == AT_END)
		shutdown(fd, SHUT_RDWR);
	return error == AT_END ? 0 : fail_with(error);
}

/* Defines the body of a function that transfers bytes: all of them, one or none. */
#define TRANSFER(direction, all, one)                                                                        \
	int error = failure_of(direction(fd));                                                               \
	if (!error)                                                                                          \
		return (all);                                                                                \
	return error == ONE_BYTE ? (one) : end_transfer(fd, error);

ssize_t read(int fd, void *bytes, size_t size){
	REPLACES(read) TRANSFER(reading, REAL(read)(fd, bytes, size), REAL(read)(fd, bytes, size ? 1 : 0))}

ssize_t readv(int fd, const struct iovec *parts, int count){
	REPLACES(readv) TRANSFER(reading, REAL(readv)(fd, parts, count), read(fd, parts[0].iov_base, 1))}

ssize_t recv(int fd, void *bytes, size_t size,
	     int flags){REPLACES(recv) TRANSFER(reading, REAL(recv)(fd, bytes, size, flags),
						REAL(recv)(fd, bytes, size ? 1 : 0, flags))}

ssize_t write(int fd, const void *bytes, size_t size){
	REPLACES(write) TRANSFER(writing, REAL(write)(fd, bytes, size), REAL(write)(fd, bytes, size ? 1 : 0))}

ssize_t writev(int fd, const struct iovec *parts, int count){
	REPLACES(writev) TRANSFER(writing, REAL(writev)(fd, parts, count), write(fd, parts[0].iov_base, 1))}

ssize_t send(int fd, const void *bytes, size_t size,
	     int flags){REPLACES(send) TRANSFER(writing, REAL(send)(fd, bytes, size, flags),
						REAL(send)(fd, bytes, size ? 1 : 0, flags))}

ssize_t getrandom(void *bytes, size_t size, unsigned flags)
{
	int error = failure_of(GETRANDOM);

	REPLACES(getrandom)
	if (error && error != ONE_BYTE)
		return fail_with(error);
	return REAL(getrandom)(bytes, error && size ? 1 : size, flags);
}

/* ---- calls that succeed or fail ---- */

/* Defines the body of a function that returns -1 and sets errno when it fails. */
#define SUCCEED_OR_FAIL(function, name, ...)                                                                 \
	int error = failure_of(function);                                                                    \
	REPLACES(name)                                                                                       \
	return error ? fail_with(error) : REAL(name)(__VA_ARGS__);

int socket(int domain, int type, int protocol)
{
	SUCCEED_OR_FAIL(SOCKET, socket, domain, type, protocol)
}

int socketpair(int domain, int type, int protocol, int pair[2])
{
	SUCCEED_OR_FAIL(SOCKETPAIR, socketpair, domain, type, protocol, pair)
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
	SUCCEED_OR_FAIL(CONNECT, connect, fd, address, size)
}

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
	SUCCEED_OR_FAIL(BIND, bind, fd, address, size)
}

int listen(int fd, int backlog)
{
	SUCCEED_OR_FAIL(LISTEN, listen, fd, backlog)
}

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *size, int flags)
{
	SUCCEED_OR_FAIL(ACCEPT4, accept4, fd, address, size, flags)
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	SUCCEED_OR_FAIL(SETSOCKOPT, setsockopt, fd, level, name, value, size)
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	SUCCEED_OR_FAIL(POLL, poll, fds, count, timeout_ms)
}

int epoll_create1(int flags)
{
	SUCCEED_OR_FAIL(EPOLL_CREATE1, epoll_create1, flags)
}

int epoll_wait(int fd, struct epoll_event *events, int count, int timeout_ms)
{
	SUCCEED_OR_FAIL(EPOLL_WAIT, epoll_wait, fd, events, count, timeout_ms)
}

/* Only what is added needs memory. */
int epoll_ctl(int fd, int operation, int watched, struct epoll_event *event)
{
	int error = operation == EPOLL_CTL_ADD ? failure_of(EPOLL_CTL) : 0;

	REPLACES(epoll_ctl)
	return error ? fail_with(error) : REAL(epoll_ctl)(fd, operation, watched, event);
}

int eventfd(unsigned value, int flags)
{
	SUCCEED_OR_FAIL(EVENTFD, eventfd, value, flags)
}

int timerfd_create(int clock, int flags)
{
	SUCCEED_OR_FAIL(TIMERFD_CREATE, timerfd_create, clock, flags)
}

int pipe2(int pair[2], int flags)
{
	SUCCEED_OR_FAIL(PIPE2, pipe2, pair, flags)
}

/* ---- files ---- */

/* Defines the body of a function that opens a file, perhaps with a mode. */
#define OPEN_WITH(name)                                                                                      \
	int error = failure_of(OPEN);                                                                        \
	va_list arguments;                                                                                   \
	mode_t mode;                                                                                         \
	REPLACES(name)                                                                                       \
	va_start(arguments, flags);                                                                          \
	mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;                                              \
	va_end(arguments);                                                                                   \
	return error ? fail_with(error) : REAL(name)(path, flags, mode);

int open(const char *path, int flags, ...)
{
	OPEN_WITH(open)
}

int open64(const char *path, int flags, ...){OPEN_WITH(open64)}

FILE *fopen(const char *path, const char *mode)
{
	int error = failure_of(FOPEN);

	REPLACES(fopen)
	return error ? null_with(error) : REAL(fopen)(path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
	int error = failure_of(FOPEN);

	REPLACES(fopen64)
	return error ? null_with(error) : REAL(fopen64)(path, mode);
}

DIR *opendir(const char *path)
{
	int error = failure_of(OPENDIR);

	REPLACES(opendir)
	return error ? null_with(error) : REAL(opendir)(path);
}

/* ---- calls that return their error ---- */

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
	int error = failure_of(GETADDRINFO);

	REPLACES(getaddrinfo)
	return error ? error : REAL(getaddrinfo)(host, port, hints, found);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context)
{
	int error = failure_of(PTHREAD_CREATE);

	REPLACES(pthread_create)
	return error ? error : REAL(pthread_create)(thread, attributes, run, context);
}
