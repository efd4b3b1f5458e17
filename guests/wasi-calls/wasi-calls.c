/* Calls every function of wasi_snapshot_preview1 in ways that have one right answer, and says what came back: one line each,
 * "name: errno and results". The tests hold its output against that of another implementation.
 *
 * It wants /in/a.txt ("alpha\n"), /in/sub/b.txt ("beta\n"), an empty /out, and the arguments "one" and "two words". With a third it also asks
 * for clocks that there are not, which some implementations answer with a trap. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

enum { IN = 3, OUT = 4 };

#define ALL ((__wasi_rights_t)0x1fffffff)
/* read, seek, tell, write, allocate, stat, set size, set times, and what else a plain file may be asked. */
#define FILE_RIGHTS                                                                                                    \
	(__WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_SEEK | __WASI_RIGHTS_FD_TELL | __WASI_RIGHTS_FD_WRITE |                  \
	 __WASI_RIGHTS_FD_ALLOCATE | __WASI_RIGHTS_FD_FILESTAT_GET | __WASI_RIGHTS_FD_FILESTAT_SET_SIZE |                  \
	 __WASI_RIGHTS_FD_FILESTAT_SET_TIMES | __WASI_RIGHTS_FD_FDSTAT_SET_FLAGS | __WASI_RIGHTS_FD_ADVISE |               \
	 __WASI_RIGHTS_FD_SYNC | __WASI_RIGHTS_FD_DATASYNC | __WASI_RIGHTS_POLL_FD_READWRITE)
#define READ_RIGHTS                                                                                                    \
	(__WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_SEEK | __WASI_RIGHTS_FD_TELL | __WASI_RIGHTS_FD_FILESTAT_GET |           \
	 __WASI_RIGHTS_FD_ADVISE)
#define DIR_RIGHTS                                                                                                     \
	(__WASI_RIGHTS_FD_READDIR | __WASI_RIGHTS_PATH_OPEN | __WASI_RIGHTS_PATH_FILESTAT_GET |                            \
	 __WASI_RIGHTS_FD_FILESTAT_GET)

static void say(const char *name, __wasi_errno_t errno)
{
	printf("%s: %d\n", name, errno);
}

/* What must succeed for the rest to mean anything. */
static void must(__wasi_errno_t errno)
{
	if (errno)
		printf("unexpected error %d\n", errno);
}

static void say_number(const char *name, __wasi_errno_t errno, uint64_t value)
{
	if (errno)
		say(name, errno);
	else
		printf("%s: 0 %llu\n", name, (unsigned long long)value);
}

static void say_bytes(const char *name, __wasi_errno_t errno, const void *bytes, size_t count)
{
	if (errno)
		say(name, errno);
	else
		printf("%s: 0 %zu \"%.*s\"\n", name, count, (int)count, (const char *)bytes);
}

static __wasi_errno_t open_at(__wasi_fd_t dir, const char *path, __wasi_oflags_t flags, __wasi_rights_t rights,
                              __wasi_fdflags_t fdflags, __wasi_fd_t *fd)
{
	return __wasi_path_open(dir, 0, path, flags, rights, 0, fdflags, fd);
}

static __wasi_fd_t must_open(__wasi_fd_t dir, const char *path, __wasi_oflags_t flags, __wasi_rights_t rights,
                             __wasi_fdflags_t fdflags)
{
	__wasi_fd_t fd = 0;
	__wasi_errno_t errno = open_at(dir, path, flags, rights, fdflags, &fd);
	if (errno) {
		printf("cannot open %s: %d\n", path, errno);
		exit(1);
	}
	return fd;
}

static void try_open(const char *name, __wasi_fd_t dir, const char *path, __wasi_oflags_t flags, __wasi_rights_t rights)
{
	__wasi_fd_t fd = 0;
	__wasi_errno_t errno = open_at(dir, path, flags, rights, 0, &fd);
	say(name, errno);
	if (!errno)
		must(__wasi_fd_close(fd));
}

static void write_text(const char *name, __wasi_fd_t fd, const char *text)
{
	/* In two halves and an empty buffer between them; what a call leaves, the next one takes, as some write a buffer at a time. */
	size_t length = strlen(text), half = length / 2, done = 0;
	__wasi_errno_t errno = 0;
	while (!errno && done < length) {
		size_t first = done < half ? half - done : 0, second = done < half ? half : done;
		__wasi_ciovec_t parts[3] = {{(const uint8_t *)text + done, first}, {(const uint8_t *)text, 0}, {(const uint8_t *)text + second, length - second}};
		__wasi_size_t moved = 0;
		errno = __wasi_fd_write(fd, parts, 3, &moved);
		if (!errno && moved == 0)
			break;
		done += moved;
	}
	say_number(name, errno, done);
}

static void read_text(const char *name, __wasi_fd_t fd)
{
	/* Likewise, until nothing more comes or there is no room. */
	uint8_t all[64];
	size_t done = 0;
	__wasi_errno_t errno = 0;
	while (!errno && done < sizeof all) {
		size_t first = done < 3 ? 3 - done : 0;
		__wasi_iovec_t parts[2] = {{all + done, first}, {all + done + first, sizeof all - done - first}};
		__wasi_size_t moved = 0;
		errno = __wasi_fd_read(fd, parts, 2, &moved);
		if (!errno && moved == 0)
			break;
		done += moved;
	}
	say_bytes(name, errno, all, done);
}

static void seek(const char *name, __wasi_fd_t fd, int64_t offset, __wasi_whence_t whence)
{
	__wasi_filesize_t at = 0;
	__wasi_errno_t errno = __wasi_fd_seek(fd, offset, whence, &at);
	say_number(name, errno, at);
}

static void arguments(void)
{
	__wasi_size_t count = 0, size = 0;
	say("args_sizes_get", __wasi_args_sizes_get(&count, &size));
	printf("arguments: %u in %u bytes\n", (unsigned)count, (unsigned)size);
	uint8_t *pointers[16], text[1024];
	say("args_get", __wasi_args_get(pointers, text));
	for (unsigned i = 1; i < count; i++)
		printf("argument %u: %s\n", i, (const char *)pointers[i]);
	say("environ_sizes_get", __wasi_environ_sizes_get(&count, &size));
	printf("variables: %u in %u bytes\n", (unsigned)count, (unsigned)size);
	say("environ_get", __wasi_environ_get(pointers, text));
	for (unsigned i = 0; i < count; i++)
		printf("variable %u: %s\n", i, (const char *)pointers[i]);
}

static void clocks(void)
{
	__wasi_timestamp_t resolution = 0, before = 0, after = 0;
	for (unsigned id = 0; id < 4; id++) {
		__wasi_errno_t errno = __wasi_clock_res_get(id, &resolution);
		printf("clock_res_get %u: %d %s\n", id, errno, resolution > 0 ? "positive" : "zero");
	}
	say("clock_time_get realtime", __wasi_clock_time_get(__WASI_CLOCKID_REALTIME, 0, &before));
	printf("after 2020: %d\n", before >= 1577836800000000000ull);
	say("clock_time_get monotonic", __wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &before));
	for (volatile int i = 0; i < 100000; i++) {
	}
	must(__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &after));
	printf("the monotonic clock runs: %d\n", after > before);

	uint8_t random[2][32] = {{0}};
	say("random_get", __wasi_random_get(random[0], 32));
	must(__wasi_random_get(random[1], 32));
	printf("random bytes differ: %d\n", memcmp(random[0], random[1], 32) != 0);
	say("random_get of nothing", __wasi_random_get(random[0], 0));
	say("sched_yield", __wasi_sched_yield());

	__wasi_subscription_t wait[2] = {{0}};
	__wasi_event_t event[2] = {{0}};
	__wasi_size_t events = 0;
	for (int i = 0; i < 2; i++) {
		wait[i].userdata = 40 + i;
		wait[i].u.tag = __WASI_EVENTTYPE_CLOCK;
		wait[i].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
	}
	wait[0].u.u.clock.timeout = 30000000000ull;
	wait[1].u.u.clock.timeout = 1000000;
	must(__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &before));
	say("poll_oneoff", __wasi_poll_oneoff(wait, event, 2, &events));
	must(__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &after));
	printf("events: %u, of %llu, error %d, type %d; slept long enough: %d\n", (unsigned)events,
	       (unsigned long long)event[0].userdata, event[0].error, event[0].type, after - before >= 1000000);
	say("poll_oneoff of nothing", __wasi_poll_oneoff(wait, event, 0, &events));
}

static void preopens(void)
{
	for (__wasi_fd_t fd = IN; fd <= OUT + 1; fd++) {
		__wasi_prestat_t stat = {0};
		__wasi_errno_t errno = __wasi_fd_prestat_get(fd, &stat);
		printf("fd_prestat_get %u: %d\n", (unsigned)fd, errno);
		if (errno)
			continue;
		uint8_t name[16] = {0};
		errno = __wasi_fd_prestat_dir_name(fd, name, stat.u.dir.pr_name_len);
		printf("fd_prestat_dir_name %u: %d %s\n", (unsigned)fd, errno, (const char *)name);
	}
	uint8_t name[16];
	say("fd_prestat_dir_name of no folder", __wasi_fd_prestat_dir_name(1, name, 16));
	__wasi_fdstat_t stat = {0};
	say("fd_fdstat_get of a folder", __wasi_fd_fdstat_get(IN, &stat));
	printf("type of a folder: %d\n", stat.fs_filetype);
	say("fd_fdstat_get of nothing", __wasi_fd_fdstat_get(77, &stat));
}

static void reading(void)
{
	__wasi_fd_t fd = must_open(IN, "a.txt", 0, READ_RIGHTS, 0);
	__wasi_filestat_t stat = {0};
	say("fd_filestat_get", __wasi_fd_filestat_get(fd, &stat));
	printf("a file: type %d, size %llu, links %llu\n", stat.filetype, (unsigned long long)stat.size,
	       (unsigned long long)stat.nlink);
	__wasi_fdstat_t open = {0};
	say("fd_fdstat_get of a file", __wasi_fd_fdstat_get(fd, &open));
	printf("type of an open file: %d\n", open.fs_filetype);
	read_text("fd_read", fd);
	read_text("fd_read at the end", fd);
	__wasi_filesize_t at = 0;
	__wasi_errno_t errno = __wasi_fd_tell(fd, &at);
	say_number("fd_tell", errno, at);
	seek("fd_seek to 2", fd, 2, __WASI_WHENCE_SET);
	seek("fd_seek 1 on", fd, 1, __WASI_WHENCE_CUR);
	read_text("fd_read from 3", fd);
	seek("fd_seek 2 before the end", fd, -2, __WASI_WHENCE_END);
	read_text("fd_read the end", fd);
	seek("fd_seek before the start", fd, -7, __WASI_WHENCE_SET);
	seek("fd_seek beyond the end", fd, 100, __WASI_WHENCE_SET);
	read_text("fd_read beyond the end", fd);
	uint8_t bytes[4];
	__wasi_iovec_t part = {bytes, sizeof bytes};
	__wasi_size_t moved = 0;
	errno = __wasi_fd_pread(fd, &part, 1, 1, &moved);
	say_bytes("fd_pread", errno, bytes, moved);
	errno = __wasi_fd_tell(fd, &at);
	say_number("fd_tell after fd_pread", errno, at);
	say("fd_advise", __wasi_fd_advise(fd, 0, 0, __WASI_ADVICE_SEQUENTIAL));
	say("fd_close", __wasi_fd_close(fd));
	say("fd_close again", __wasi_fd_close(fd));
	say("fd_read of nothing", __wasi_fd_read(fd, &part, 1, &moved));
	say("fd_read of a folder", __wasi_fd_read(IN, &part, 1, &moved) != 0);

	say("path_filestat_get", __wasi_path_filestat_get(IN, 0, "sub/b.txt", &stat));
	printf("sub/b.txt: type %d, size %llu\n", stat.filetype, (unsigned long long)stat.size);
	say("path_filestat_get of a folder", __wasi_path_filestat_get(IN, 0, "sub", &stat));
	printf("sub: type %d\n", stat.filetype);
	say("path_filestat_get of nothing", __wasi_path_filestat_get(IN, 0, "none", &stat));
	say("path_filestat_get through a file", __wasi_path_filestat_get(IN, 0, "a.txt/x", &stat));
	say("path_filestat_get of a path with dots", __wasi_path_filestat_get(IN, 0, "./sub/.././sub//b.txt", &stat));
	say("path_filestat_get of the folder itself", __wasi_path_filestat_get(IN, 0, ".", &stat));
	try_open("path_open of nothing", IN, "none", 0, READ_RIGHTS);
	try_open("path_open of no path", IN, "", 0, READ_RIGHTS);
	try_open("path_open above", IN, "../etc/passwd", 0, READ_RIGHTS);
	try_open("path_open above, from below", IN, "sub/../../etc/passwd", 0, READ_RIGHTS);
	try_open("path_open of a file as a folder", IN, "a.txt", __WASI_OFLAGS_DIRECTORY, READ_RIGHTS);
	try_open("path_open through a file", IN, "a.txt/x", 0, READ_RIGHTS);
	try_open("path_open in no folder", 77, "a.txt", 0, READ_RIGHTS);
	try_open("path_open in a stream", 1, "a.txt", 0, READ_RIGHTS);
	fd = must_open(IN, "sub", __WASI_OFLAGS_DIRECTORY, DIR_RIGHTS, 0);
	say("path_filestat_get below a folder", __wasi_path_filestat_get(fd, 0, "b.txt", &stat));
	say("path_filestat_get above a folder", __wasi_path_filestat_get(fd, 0, "../a.txt", &stat));
	must(__wasi_fd_close(fd));
}

static void writing(void)
{
	__wasi_fd_t fd = must_open(OUT, "w.txt", __WASI_OFLAGS_CREAT | __WASI_OFLAGS_EXCL, FILE_RIGHTS, 0);
	write_text("fd_write", fd, "0123456789");
	__wasi_filesize_t at = 0;
	say_number("fd_tell after fd_write", __wasi_fd_tell(fd, &at), at);
	__wasi_ciovec_t part = {(const uint8_t *)"XY", 2};
	__wasi_size_t moved = 0;
	__wasi_errno_t errno = __wasi_fd_pwrite(fd, &part, 1, 4, &moved);
	say_number("fd_pwrite", errno, moved);
	errno = __wasi_fd_pwrite(fd, &part, 1, 14, &moved);
	say_number("fd_pwrite beyond the end", errno, moved);
	seek("fd_seek to the start", fd, 0, __WASI_WHENCE_SET);
	uint8_t bytes[32];
	__wasi_iovec_t into = {bytes, sizeof bytes};
	errno = __wasi_fd_read(fd, &into, 1, &moved);
	for (unsigned i = 0; i < moved; i++)
		if (!bytes[i])
			bytes[i] = '.';
	say_bytes("fd_read what was written", errno, bytes, moved);
	__wasi_filestat_t stat = {0};
	say("fd_filestat_set_size smaller", __wasi_fd_filestat_set_size(fd, 3));
	must(__wasi_fd_filestat_get(fd, &stat));
	printf("size: %llu\n", (unsigned long long)stat.size);
	say("fd_filestat_set_size larger", __wasi_fd_filestat_set_size(fd, 6));
	must(__wasi_fd_filestat_get(fd, &stat));
	printf("size: %llu\n", (unsigned long long)stat.size);
	say("fd_allocate", __wasi_fd_allocate(fd, 0, 20));
	must(__wasi_fd_filestat_get(fd, &stat));
	printf("size: %llu\n", (unsigned long long)stat.size);
	say("fd_filestat_set_times", __wasi_fd_filestat_set_times(fd, 1000000000000000000ull, 1100000000000000000ull,
	                                                          __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM));
	must(__wasi_fd_filestat_get(fd, &stat));
	printf("times: %llu %llu\n", (unsigned long long)stat.atim, (unsigned long long)stat.mtim);
	say("fd_filestat_set_times to two", __wasi_fd_filestat_set_times(fd, 0, 0, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_ATIM_NOW));
	say("fd_sync", __wasi_fd_sync(fd));
	say("fd_datasync", __wasi_fd_datasync(fd));
	say("fd_close", __wasi_fd_close(fd));

	fd = must_open(OUT, "w.txt", __WASI_OFLAGS_TRUNC, FILE_RIGHTS, __WASI_FDFLAGS_APPEND);
	write_text("fd_write appending", fd, "ab");
	seek("fd_seek while appending", fd, 0, __WASI_WHENCE_SET);
	write_text("fd_write appending again", fd, "cd");
	must(__wasi_fd_filestat_get(fd, &stat));
	printf("size: %llu\n", (unsigned long long)stat.size);
	say("fd_fdstat_set_flags", __wasi_fd_fdstat_set_flags(fd, 0));
	seek("fd_seek to the start", fd, 0, __WASI_WHENCE_SET);
	write_text("fd_write over it", fd, "ef");
	seek("fd_seek to the start", fd, 0, __WASI_WHENCE_SET);
	read_text("fd_read both", fd);
	must(__wasi_fd_close(fd));

	try_open("path_open of a new file that is there", OUT, "w.txt", __WASI_OFLAGS_CREAT | __WASI_OFLAGS_EXCL, FILE_RIGHTS);
	try_open("path_open of a file in no folder", OUT, "none/x", __WASI_OFLAGS_CREAT, FILE_RIGHTS);
	say("path_filestat_set_times", __wasi_path_filestat_set_times(OUT, 0, "w.txt", 0, 1200000000000000000ull, __WASI_FSTFLAGS_MTIM));
	must(__wasi_path_filestat_get(OUT, 0, "w.txt", &stat));
	printf("modified: %llu\n", (unsigned long long)stat.mtim);

	/* Two descriptors of one file see each other's writes. */
	fd = must_open(OUT, "w.txt", 0, FILE_RIGHTS, 0);
	__wasi_fd_t other = must_open(OUT, "w.txt", 0, FILE_RIGHTS, 0);
	write_text("fd_write by one", fd, "XXXX!");
	read_text("fd_read by the other", other);
	say("path_unlink_file of an open file", __wasi_path_unlink_file(OUT, "w.txt"));
	seek("fd_seek in an unlinked file", fd, 0, __WASI_WHENCE_SET);
	read_text("fd_read of an unlinked file", fd);
	must(__wasi_fd_close(other));
	other = must_open(OUT, "n.txt", __WASI_OFLAGS_CREAT, FILE_RIGHTS, 0);
	say("fd_renumber", __wasi_fd_renumber(other, fd));
	write_text("fd_write to the number it has now", fd, "moved");
	say("fd_close of the number it had", __wasi_fd_close(other));
	say("fd_renumber of nothing", __wasi_fd_renumber(77, fd));
	must(__wasi_fd_close(fd));
	must(__wasi_path_filestat_get(OUT, 0, "n.txt", &stat));
	printf("n.txt: %llu\n", (unsigned long long)stat.size);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Lists a folder through a buffer of `room` bytes, sorted and without "." and "..", which not every system has. */
static void list(const char *name, __wasi_fd_t dir, size_t room)
{
	uint8_t buffer[4096];
	char *names[64];
	size_t count = 0;
	__wasi_dircookie_t cookie = 0;
	for (;;) {
		__wasi_size_t used = 0;
		__wasi_errno_t errno = __wasi_fd_readdir(dir, buffer, room, cookie, &used);
		if (errno) {
			say(name, errno);
			return;
		}
		size_t at = 0;
		while (at + sizeof(__wasi_dirent_t) <= used) {
			__wasi_dirent_t entry;
			memcpy(&entry, buffer + at, sizeof entry);
			if (at + sizeof entry + entry.d_namlen > used)
				break;
			const char *text = (const char *)buffer + at + sizeof entry;
			at += sizeof entry + entry.d_namlen;
			cookie = entry.d_next;
			int dots = (entry.d_namlen == 1 && text[0] == '.') || (entry.d_namlen == 2 && text[0] == '.' && text[1] == '.');
			if (dots || count == 64)
				continue;
			char *copy = malloc(entry.d_namlen + 4);
			sprintf(copy, "%.*s/%d", (int)entry.d_namlen, text, entry.d_type);
			names[count++] = copy;
		}
		if (used < room)
			break;
		if (at == 0) {
			printf("%s: an entry does not fit\n", name);
			return;
		}
	}
	qsort(names, count, sizeof *names, by_name);
	printf("%s:", name);
	for (size_t i = 0; i < count; i++)
		printf(" %s", names[i]);
	printf("\n");
}

static void folders(void)
{
	list("fd_readdir of /in", IN, 4096);
	say("path_create_directory", __wasi_path_create_directory(OUT, "d"));
	say("path_create_directory again", __wasi_path_create_directory(OUT, "d"));
	say("path_create_directory in nothing", __wasi_path_create_directory(OUT, "none/d"));
	say("path_create_directory over a file", __wasi_path_create_directory(OUT, "n.txt"));
	say("path_create_directory below", __wasi_path_create_directory(OUT, "d/e"));
	char path[32];
	for (int i = 0; i < 20; i++) {
		sprintf(path, "d/file-%d", i);
		must(__wasi_fd_close(must_open(OUT, path, __WASI_OFLAGS_CREAT, FILE_RIGHTS, 0)));
	}
	__wasi_fd_t dir = must_open(OUT, "d", __WASI_OFLAGS_DIRECTORY, DIR_RIGHTS, 0);
	list("fd_readdir", dir, 4096);
	list("fd_readdir through a small buffer", dir, 100);
	must(__wasi_fd_close(dir));
	say("path_remove_directory of a full one", __wasi_path_remove_directory(OUT, "d"));
	say("path_remove_directory of a file", __wasi_path_remove_directory(OUT, "n.txt"));
	say("path_remove_directory of nothing", __wasi_path_remove_directory(OUT, "none"));
	say("path_unlink_file of nothing", __wasi_path_unlink_file(OUT, "none"));
	say("path_unlink_file of a folder fails", __wasi_path_unlink_file(OUT, "d") != 0);

	say("path_rename", __wasi_path_rename(OUT, "d/file-0", OUT, "d/renamed"));
	say("path_rename of nothing", __wasi_path_rename(OUT, "d/file-0", OUT, "d/again"));
	say("path_rename over a file", __wasi_path_rename(OUT, "d/file-1", OUT, "d/renamed"));
	say("path_rename over itself", __wasi_path_rename(OUT, "d/renamed", OUT, "d/renamed"));
	say("path_rename of a folder", __wasi_path_rename(OUT, "d/e", OUT, "f"));
	say("path_rename of a folder into itself", __wasi_path_rename(OUT, "d", OUT, "d/g"));
	say("path_rename of a folder over a full one", __wasi_path_rename(OUT, "f", OUT, "d"));
	say("path_rename of a file over a folder", __wasi_path_rename(OUT, "n.txt", OUT, "f"));
	say("path_rename of a folder over a file", __wasi_path_rename(OUT, "f", OUT, "n.txt"));
	for (int i = 2; i < 20; i++) {
		sprintf(path, "d/file-%d", i);
		must(__wasi_path_unlink_file(OUT, path));
	}
	list("fd_readdir of /out", OUT, 4096);
	dir = must_open(OUT, "d", __WASI_OFLAGS_DIRECTORY, DIR_RIGHTS, 0);
	list("fd_readdir after removals", dir, 4096);
	must(__wasi_fd_close(dir));
	say("path_remove_directory", __wasi_path_remove_directory(OUT, "f"));
	__wasi_filestat_t stat;
	say("path_filestat_get of a removed folder", __wasi_path_filestat_get(OUT, 0, "f", &stat));
	say("fd_readdir of a file", __wasi_fd_readdir(1, (uint8_t *)path, sizeof path, 0, &(__wasi_size_t){0}) != 0);
	uint8_t text[8];
	say("path_readlink of a file", __wasi_path_readlink(OUT, "n.txt", text, sizeof text, &(__wasi_size_t){0}));
	say("path_readlink of nothing", __wasi_path_readlink(OUT, "none", text, sizeof text, &(__wasi_size_t){0}));
}

/* Rights that were not asked for, or were given up, are not there. */
static void rights(void)
{
	__wasi_fd_t fd = must_open(IN, "a.txt", 0, __WASI_RIGHTS_FD_READ, 0);
	__wasi_ciovec_t part = {(const uint8_t *)"x", 1};
	__wasi_size_t moved = 0;
	say("fd_write without the right fails", __wasi_fd_write(fd, &part, 1, &moved) != 0);
	say("fd_fdstat_set_rights to more", __wasi_fd_fdstat_set_rights(fd, ALL, 0));
	say("fd_fdstat_set_rights to none", __wasi_fd_fdstat_set_rights(fd, 0, 0));
	uint8_t byte;
	__wasi_iovec_t into = {&byte, 1};
	say("fd_read without the right fails", __wasi_fd_read(fd, &into, 1, &moved) != 0);
	must(__wasi_fd_close(fd));
}

static void sockets(void)
{
	uint8_t byte = 0;
	__wasi_iovec_t into = {&byte, 1};
	__wasi_ciovec_t from = {&byte, 1};
	__wasi_size_t moved = 0;
	__wasi_roflags_t flags = 0;
	__wasi_fd_t fd = must_open(IN, "a.txt", 0, READ_RIGHTS, 0), accepted = 0;
	say("sock_recv of a file fails", __wasi_sock_recv(fd, &into, 1, 0, &moved, &flags) != 0);
	say("sock_send of a file fails", __wasi_sock_send(fd, &from, 1, 0, &moved) != 0);
	say("sock_shutdown of a file fails", __wasi_sock_shutdown(fd, __WASI_SDFLAGS_RD) != 0);
	say("sock_accept of a file fails", __wasi_sock_accept(fd, 0, &accepted) != 0);
	say("sock_recv of nothing", __wasi_sock_recv(77, &into, 1, 0, &moved, &flags));
	must(__wasi_fd_close(fd));
}

static void no_clocks(void)
{
	__wasi_timestamp_t time = 0;
	say("clock_res_get of no clock", __wasi_clock_res_get(77, &time));
	say("clock_time_get of no clock", __wasi_clock_time_get(77, 0, &time));
}

int main(int argc, char **argv)
{
	(void)argv;
	arguments();
	clocks();
	if (argc > 3)
		no_clocks();
	preopens();
	reading();
	writing();
	folders();
	rights();
	sockets();
	fflush(stdout);
	__wasi_proc_exit(3);
}
