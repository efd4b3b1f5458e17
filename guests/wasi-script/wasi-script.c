/* Makes the calls of wasi_snapshot_preview1 that a script on stdin lists, and says on stdout what each came to: one line each,
 * "number name: errno and results". The tests generate scripts and hold the answers against those of another implementation.
 *
 * A script is little-endian: the number of paths (u32), each as a length (u32) and bytes; then calls of eight i64 each, to the end:
 * operation, slot, path, slot, path, flags, and two numbers x and y. A slot is a descriptor by another name, since which number a
 * new one gets is not for a program to rely on: slots 0 to 4 hold descriptors 0 to 4, `open` fills the slot it is told. Scripts leave
 * slot 1, where the answers go, open and where it is.
 *
 * Results that depend on where it runs are left out: inode numbers, sizes of folders, the order of entries, what time it is. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

enum { SLOTS = 16, PATHS = 64, BUFFER = 4096, CLOSED = 0x7fffffff };

/* In the order of the tests' own list. */
enum {
	OPEN, CLOSE, RENUMBER, READ, PREAD, WRITE, PWRITE, SEEK, TELL, READDIR, STAT, SET_SIZE, SET_TIMES, FDSTAT, SET_FLAGS,
	MKDIR, RMDIR, UNLINK, RENAME, PATH_STAT, PATH_SET_TIMES, READLINK, SYNC, DATASYNC, ADVISE, PRESTAT, PRESTAT_NAME, SHUTDOWN,
	OPERATIONS
};

static const char *const names[OPERATIONS] = {
	"path_open", "fd_close", "fd_renumber", "fd_read", "fd_pread", "fd_write", "fd_pwrite", "fd_seek", "fd_tell", "fd_readdir",
	"fd_filestat_get", "fd_filestat_set_size", "fd_filestat_set_times", "fd_fdstat_get", "fd_fdstat_set_flags",
	"path_create_directory", "path_remove_directory", "path_unlink_file", "path_rename", "path_filestat_get",
	"path_filestat_set_times", "path_readlink", "fd_sync", "fd_datasync", "fd_advise", "fd_prestat_get", "fd_prestat_dir_name",
	"sock_shutdown",
};

struct call {
	int64_t operation, slot, path, other, other_path, flags, x, y;
};

struct path {
	const char *text;
	uint32_t length;
};

static __wasi_fd_t slots[SLOTS];
static struct path paths[PATHS];
static uint8_t buffer[BUFFER];
/* Room for all that is said, so that the calls of the script are the only ones while it runs. */
static char output[1 << 20];

/* The raw calls: the C library's take paths that end with a zero, and scripts have some that hold one. */
#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) int32_t
IMPORT(path_open) raw_open(__wasi_fd_t, int32_t, const char *, uint32_t, int32_t, int64_t, int64_t, int32_t, __wasi_fd_t *);
IMPORT(path_create_directory) raw_mkdir(__wasi_fd_t, const char *, uint32_t);
IMPORT(path_remove_directory) raw_rmdir(__wasi_fd_t, const char *, uint32_t);
IMPORT(path_unlink_file) raw_unlink(__wasi_fd_t, const char *, uint32_t);
IMPORT(path_rename) raw_rename(__wasi_fd_t, const char *, uint32_t, __wasi_fd_t, const char *, uint32_t);
IMPORT(path_filestat_get) raw_stat(__wasi_fd_t, int32_t, const char *, uint32_t, __wasi_filestat_t *);
IMPORT(path_filestat_set_times) raw_times(__wasi_fd_t, int32_t, const char *, uint32_t, int64_t, int64_t, int32_t);
IMPORT(path_readlink) raw_readlink(__wasi_fd_t, const char *, uint32_t, uint8_t *, uint32_t, __wasi_size_t *);

static void say_hex(const uint8_t *bytes, size_t count)
{
	printf(" %zu ", count);
	for (size_t i = 0; i < count; i++)
		printf("%02x", bytes[i]);
}

static void say_stat(const __wasi_filestat_t *stat)
{
	printf(" type %d", stat->filetype);
	if (stat->filetype == __WASI_FILETYPE_REGULAR_FILE)
		printf(" size %llu links %llu", (unsigned long long)stat->size, (unsigned long long)stat->nlink);
	/* Times that were set are small; any other is the time of the run, or a stream's. */
	if (stat->filetype != __WASI_FILETYPE_UNKNOWN && stat->mtim < 1000000000000000000ull)
		printf(" modified %llu", (unsigned long long)stat->mtim);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Lists a folder through a buffer of `room` bytes, sorted. */
static __wasi_errno_t list(__wasi_fd_t dir, size_t room)
{
	char *entries[256];
	size_t count = 0;
	__wasi_dircookie_t cookie = 0;
	for (;;) {
		__wasi_size_t used = 0;
		__wasi_errno_t errno = __wasi_fd_readdir(dir, buffer, room, cookie, &used);
		if (errno)
			return errno;
		size_t at = 0;
		while (at + sizeof(__wasi_dirent_t) <= used) {
			__wasi_dirent_t entry;
			memcpy(&entry, buffer + at, sizeof entry);
			if (at + sizeof entry + entry.d_namlen > used)
				break;
			cookie = entry.d_next;
			if (count < 256) {
				char *copy = malloc(entry.d_namlen + 4);
				sprintf(copy, "%.*s/%d", (int)entry.d_namlen, (const char *)buffer + at + sizeof entry, entry.d_type);
				entries[count++] = copy;
			}
			at += sizeof entry + entry.d_namlen;
		}
		if (used < room)
			break;
		if (at == 0) {
			/* What came before it depends on the order. */
			printf(" too small");
			while (count > 0)
				free(entries[--count]);
			break;
		}
	}
	qsort(entries, count, sizeof *entries, by_name);
	for (size_t i = 0; i < count; i++) {
		printf(" %s", entries[i]);
		free(entries[i]);
	}
	return 0;
}

/* Makes one call; prints its results, if it has any, and returns its error number. */
static __wasi_errno_t make(const struct call *c)
{
	__wasi_fd_t fd = slots[c->slot], *to = &slots[c->other];
	const struct path *path = &paths[c->path], *other = &paths[c->other_path];
	size_t length = c->x > BUFFER ? BUFFER : (size_t)c->x;
	/* An empty buffer comes first, which no implementation may stop at. */
	__wasi_iovec_t into[2] = {{buffer, 0}, {buffer, length}};
	__wasi_ciovec_t from[2] = {{buffer, 0}, {buffer, length}};
	__wasi_filestat_t stat = {0};
	__wasi_fdstat_t open = {0};
	__wasi_prestat_t preopen = {0};
	__wasi_filesize_t at = 0;
	__wasi_size_t moved = 0;
	__wasi_errno_t errno;
	switch (c->operation) {
	case OPEN: {
		__wasi_fd_t opened = CLOSED;
		errno = raw_open(fd, c->y, path->text, path->length, c->flags & 0xff, c->x, c->x, c->flags >> 8, &opened);
		if (!errno) {
			/* What the slot had is closed, so that slots and descriptors stay one to one. */
			if (*to != CLOSED)
				printf(" closed %d", __wasi_fd_close(*to));
			*to = opened;
		}
		return errno;
	}
	case CLOSE:
		errno = __wasi_fd_close(fd);
		if (!errno)
			slots[c->slot] = CLOSED;
		return errno;
	case RENUMBER:
		errno = __wasi_fd_renumber(fd, *to);
		if (!errno && c->slot != c->other)
			slots[c->slot] = CLOSED;
		return errno;
	case READ:
	case PREAD:
		errno = c->operation == READ ? __wasi_fd_read(fd, into, 2, &moved) : __wasi_fd_pread(fd, into, 2, c->y, &moved);
		if (!errno)
			say_hex(buffer, moved);
		return errno;
	case WRITE:
	case PWRITE:
		for (size_t i = 0; i < length; i++)
			buffer[i] = (uint8_t)('a' + (c->flags + i) % 26);
		errno = c->operation == WRITE ? __wasi_fd_write(fd, from, 2, &moved) : __wasi_fd_pwrite(fd, from, 2, c->y, &moved);
		if (!errno)
			printf(" %u", (unsigned)moved);
		return errno;
	case SEEK:
	case TELL:
		errno = c->operation == SEEK ? __wasi_fd_seek(fd, c->x, c->flags, &at) : __wasi_fd_tell(fd, &at);
		if (!errno)
			printf(" %llu", (unsigned long long)at);
		return errno;
	case READDIR:
		return list(fd, length);
	case STAT:
	case PATH_STAT:
		errno = c->operation == STAT ? __wasi_fd_filestat_get(fd, &stat)
		                             : raw_stat(fd, c->flags, path->text, path->length, &stat);
		if (!errno)
			say_stat(&stat);
		return errno;
	case SET_SIZE:
		return __wasi_fd_filestat_set_size(fd, c->x);
	case SET_TIMES:
		return __wasi_fd_filestat_set_times(fd, c->x, c->y, c->flags);
	case FDSTAT:
		errno = __wasi_fd_fdstat_get(fd, &open);
		if (!errno)
			printf(" type %d", open.fs_filetype);
		/* What they mean to a folder is nothing. */
		if (!errno && open.fs_filetype == __WASI_FILETYPE_REGULAR_FILE)
			printf(" flags %d", open.fs_flags);
		return errno;
	case SET_FLAGS:
		return __wasi_fd_fdstat_set_flags(fd, c->flags);
	case MKDIR:
		return raw_mkdir(fd, path->text, path->length);
	case RMDIR:
		return raw_rmdir(fd, path->text, path->length);
	case UNLINK:
		return raw_unlink(fd, path->text, path->length);
	case RENAME:
		return raw_rename(fd, path->text, path->length, *to, other->text, other->length);
	case PATH_SET_TIMES:
		return raw_times(fd, 0, path->text, path->length, c->x, c->y, c->flags);
	case READLINK:
		return raw_readlink(fd, path->text, path->length, buffer, length, &moved);
	case SYNC:
		return __wasi_fd_sync(fd);
	case DATASYNC:
		return __wasi_fd_datasync(fd);
	case ADVISE:
		return __wasi_fd_advise(fd, c->x, c->y, c->flags);
	case PRESTAT:
		errno = __wasi_fd_prestat_get(fd, &preopen);
		if (!errno)
			printf(" %u", (unsigned)preopen.u.dir.pr_name_len);
		return errno;
	case PRESTAT_NAME:
		errno = __wasi_fd_prestat_dir_name(fd, buffer, length);
		if (!errno)
			printf(" %.*s", (int)(length < 4 ? length : 3), (const char *)buffer);
		return errno;
	default:
		return __wasi_sock_shutdown(fd, __WASI_SDFLAGS_RD);
	}
}

int main(void)
{
	size_t size = 0, room = 1 << 16;
	char *script = malloc(room);
	for (size_t got; script && (got = fread(script + size, 1, room - size, stdin)) > 0;) {
		size += got;
		if (size == room)
			script = realloc(script, room *= 2);
	}
	if (!script)
		return 2;
	setvbuf(stdout, output, _IOFBF, sizeof output);

	size_t at = 4;
	uint32_t count;
	memcpy(&count, script, 4);
	for (uint32_t i = 0; i < count && i < PATHS; i++) {
		memcpy(&paths[i].length, script + at, 4);
		paths[i].text = script + at + 4;
		at += 4 + paths[i].length;
	}
	for (int i = 0; i < SLOTS; i++)
		slots[i] = i < 5 ? (__wasi_fd_t)i : CLOSED;
	struct call call;
	for (unsigned n = 0; at + sizeof call <= size; n++, at += sizeof call) {
		memcpy(&call, script + at, sizeof call);
		printf("%u %s:", n, names[call.operation]);
		printf(" = %d\n", make(&call));
	}
	return 0;
}
