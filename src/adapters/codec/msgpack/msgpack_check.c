/* Scans MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) without unpacking it. */
#include "adapters/codec/msgpack/msgpack_check.h"

#include "adapters/codec/value.h"
#include "core/base/utf8.h"

#include <string.h>

struct walk {
	const unsigned char *at;
	const unsigned char *end;
	const char *fault; /* the first one */
	int depth;
	uint64_t left[DEPTH_MAX]; /* remaining items on each level; an entry of a map is two */
	bool is_map;              /* the container that was opened last */
};

static bool fail(struct walk *walk, const char *fault)
{
	walk->fault = fault;
	return false;
}

static size_t bytes_left(const struct walk *walk)
{
	return (size_t)(walk->end - walk->at);
}

/* A big-endian number of 1, 2, 4 or 8 bytes. */
static bool scan_number(struct walk *walk, size_t width, uint64_t *number)
{
	if (bytes_left(walk) < width)
		return fail(walk, "unexpected end");
	*number = 0;
	while (width--)
		*number = *number << 8 | *walk->at++;
	return true;
}

static bool skip(struct walk *walk, uint64_t size)
{
	if (bytes_left(walk) < size)
		return fail(walk, "unexpected end");
	walk->at += size;
	return true;
}

static bool scan_text(struct walk *walk, uint64_t size)
{
	const char *text = (const char *)walk->at;

	if (!skip(walk, size))
		return false;
	if (!utf8_is_valid(text, size))
		return fail(walk, "invalid UTF-8");
	return true;
}

/* A false count is detected when the items are missing; no memory is reserved for them. */
static bool open_container(struct walk *walk, bool is_map, uint64_t count)
{
	if (walk->depth == DEPTH_MAX)
		return fail(walk, "nested too deep");
	walk->left[walk->depth++] = is_map ? 2 * count : count;
	walk->is_map = is_map;
	return true;
}

/* Items whose size is in the `width` bytes before them. */
static bool scan_sized_text(struct walk *walk, size_t width)
{
	uint64_t size;

	return scan_number(walk, width, &size) && scan_text(walk, size);
}

static bool skip_sized(struct walk *walk, size_t width, uint64_t more)
{
	uint64_t size;

	return scan_number(walk, width, &size) && skip(walk, size + more);
}

static bool open_sized(struct walk *walk, size_t width, bool is_map)
{
	uint64_t count;

	return scan_number(walk, width, &count) && open_container(walk, is_map, count);
}

/* The formats 0xc0 to 0xdf, except texts. */
static bool scan_long_format(struct walk *walk, unsigned char format)
{
	switch (format) {
	case 0xc0: /* nil */
	case 0xc2: /* false */
	case 0xc3: /* true */
		return true;
	case 0xc4: /* bin 8, 16, 32 */
	case 0xc5:
	case 0xc6:
		return skip_sized(walk, (size_t)1 << (format - 0xc4), 0);
	case 0xc7: /* ext 8, 16, 32, with a byte for the type */
	case 0xc8:
	case 0xc9:
		return skip_sized(walk, (size_t)1 << (format - 0xc7), 1);
	case 0xca: /* float 32, 64 */
	case 0xcb:
		return skip(walk, UINT64_C(4) << (format - 0xca));
	case 0xcc: /* uint 8 to 64 */
	case 0xcd:
	case 0xce:
	case 0xcf:
		return skip(walk, UINT64_C(1) << (format - 0xcc));
	case 0xd0: /* int 8 to 64 */
	case 0xd1:
	case 0xd2:
	case 0xd3:
		return skip(walk, UINT64_C(1) << (format - 0xd0));
	case 0xd4: /* fixext 1 to 16, with a byte for the type */
	case 0xd5:
	case 0xd6:
	case 0xd7:
	case 0xd8:
		return skip(walk, (UINT64_C(1) << (format - 0xd4)) + 1);
	case 0xdc: /* array 16, 32 */
	case 0xdd:
		return open_sized(walk, (size_t)2 << (format - 0xdc), false);
	case 0xde: /* map 16, 32 */
	case 0xdf:
		return open_sized(walk, (size_t)2 << (format - 0xde), true);
	default:
		return fail(walk, "invalid type byte");
	}
}

static bool scan_item(struct walk *walk)
{
	uint64_t byte;
	unsigned char format;

	if (!scan_number(walk, 1, &byte))
		return false;
	format = (unsigned char)byte;
	if (walk->depth)
		walk->left[walk->depth - 1]--;
	if (format <= 0x7f || format >= 0xe0) /* small integers */
		return true;
	if (format <= 0x8f)
		return open_container(walk, true, format & 0x0f);
	if (format <= 0x9f)
		return open_container(walk, false, format & 0x0f);
	if (format <= 0xbf)
		return scan_text(walk, format & 0x1f);
	if (format >= 0xd9 && format <= 0xdb) /* str 8, 16, 32 */
		return scan_sized_text(walk, (size_t)1 << (format - 0xd9));
	return scan_long_format(walk, format);
}

static void close_full_containers(struct walk *walk)
{
	while (walk->depth && !walk->left[walk->depth - 1])
		walk->depth--;
}

const char *msgpack_structure_fault(struct bytes payload)
{
	const unsigned char *start = payload.data;
	struct walk walk = {.at = start, .end = start + payload.size};

	do {
		if (!scan_item(&walk))
			return walk.fault;
		close_full_containers(&walk);
	} while (walk.depth);
	return bytes_left(&walk) ? "trailing data" : NULL;
}

struct msgpack_item msgpack_item_at(struct bytes bytes)
{
	const unsigned char *start = bytes.data;
	struct walk walk = {.at = start, .end = start + bytes.size};

	scan_item(&walk);
	return (struct msgpack_item){(size_t)(walk.at - start), walk.left[0], walk.is_map};
}
