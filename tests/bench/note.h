/* What the target tells the benchmark, in a file that both have mapped. */
#ifndef NOTE_H
#define NOTE_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct note {
    int64_t reached; /* when main began, CLOCK_MONOTONIC in nanoseconds */
    uint32_t count;  /* how many targets there have been; a futex */
    int32_t pid;     /* the last one's */
};

/* futex(2); musl-gcc comes without <linux/futex.h>. */
enum { NOTE_WAIT = 0, NOTE_WAKE = 1 };

static inline int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

/* flags: O_CREAT where it is to be made.  NULL with errno. */
static inline struct note *map_note(const char *path, int flags)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
    void *note;

    if (fd < 0 || ((flags & O_CREAT) && ftruncate(fd, sizeof(struct note)) != 0))
        return NULL;
    note = mmap(NULL, sizeof(struct note), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return note == MAP_FAILED ? NULL : note;
}

#endif
