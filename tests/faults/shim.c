/* Preloaded into a node: between it and the C library, a disk that fails or fills up and a clock that is set, as the test says at any
   moment in a file of five numbers. Only regular files are concerned, so sockets and the log are as they were. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { WRITE_ERROR, GROW_ERROR, SYNC_ERROR, SYNC_DELAY_MS, CLOCK_STEP_S, NUMBERS };

static volatile int64_t *numbers;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SHIM_NUMBERS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) abort();
    numbers = mmap(NULL, NUMBERS * sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (numbers == MAP_FAILED) abort();
    close(file);
}

/* Whether a write of so many bytes at `offset` must fail. */
static int fails(int file, off_t offset, size_t bytes) {
    struct stat found;
    if (!numbers || (!numbers[WRITE_ERROR] && !numbers[GROW_ERROR])) return 0;
    if (fstat(file, &found) != 0 || !S_ISREG(found.st_mode)) return 0;
    int64_t error = numbers[WRITE_ERROR];
    if (!error && offset + (off_t)bytes > found.st_size) error = numbers[GROW_ERROR];
    errno = (int)error;
    return error != 0;
}

ssize_t write(int file, const void *bytes, size_t count) {
    if (fails(file, lseek(file, 0, SEEK_CUR), count)) return -1;
    return syscall(SYS_write, file, bytes, count);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    if (fails(file, offset, count)) return -1;
    return syscall(SYS_pwrite64, file, bytes, count, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) { return pwrite64(file, bytes, count, offset); }

static int before_sync(void) {
    if (numbers[SYNC_DELAY_MS]) usleep((useconds_t)numbers[SYNC_DELAY_MS] * 1000);
    errno = (int)numbers[SYNC_ERROR];
    return errno ? -1 : 0;
}

int fsync(int file) { return before_sync() ? -1 : (int)syscall(SYS_fsync, file); }

int fdatasync(int file) { return before_sync() ? -1 : (int)syscall(SYS_fdatasync, file); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME && numbers) now->tv_sec += numbers[CLOCK_STEP_S];
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
