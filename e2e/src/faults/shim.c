/* Loaded into a worker's process (LD_PRELOAD): shifts its clock, and kills it at a chosen write of its journal.
 *
 * The file that SUNGRID_FAULTS names is shared with the test: three 64-bit integers, see `shim.rs`. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct control {
    _Atomic int64_t shift_s; /* added to the time of day */
    _Atomic int64_t syncs;   /* dies at this one from now, if above 0 */
    _Atomic int64_t after;   /* once it is on the disk, instead of before */
};

static struct control *control;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SUNGRID_FAULTS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (map != MAP_FAILED)
        control = map;
}

static int64_t shift(void) {
    return control ? atomic_load(&control->shift_s) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real ? real(clock, now) : (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += shift();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec time;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &time);
    now->tv_sec = time.tv_sec;
    now->tv_usec = time.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

static int is_journal(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strstr(path, "/journal/") != NULL;
}

static int is_due(int file) {
    return control && atomic_load(&control->syncs) > 0 && is_journal(file)
        && atomic_fetch_sub(&control->syncs, 1) == 1;
}

static int sync_with(const char *name, int file) {
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, name);
    int due = is_due(file);
    if (due && !atomic_load(&control->after))
        kill(getpid(), SIGKILL);
    int result = real(file);
    if (due)
        kill(getpid(), SIGKILL);
    return result;
}

int fsync(int file) {
    return sync_with("fsync", file);
}

int fdatasync(int file) {
    return sync_with("fdatasync", file);
}
