/*
 * The ring: bytes that were taken from the target's pipe and are not yet written.
 *
 * Invariants: taken and done are offsets in the file.  The ring is never full, so equal
 * offsets mean that it is empty, and the byte before done is still the last one that
 * was written.  Only splice(2) moves taken, in the call that moves the bytes: no
 * signal, KILL included, comes between the two.  What is in the ring's file is not
 * trusted.
 */
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = (sizeof(struct ring_page) + 65535) / 65536 * 65536 };

static const char magic[8] = "dzring1";

/* Keeps the compiler from moving stores.  Only a killed process leaves the page, so the
 * processor's order does not matter. */
static void in_order(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

/* Maps size bytes of the file at that address.  Returns 0, or -1 and sets errno. */
static int map_at(char *at, size_t size, int file, off_t from)
{
    return mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, from) ==
                   MAP_FAILED
               ? -1
               : 0;
}

/* Maps the ring twice in a row, and the page after it. */
static int map_file(struct ring *ring)
{
    char *at = mmap(NULL, (size_t)2 * PUMP_RING + PAGE, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        return -1;
    ring->bytes = at;
    ring->page = (struct ring_page *)(at + (size_t)2 * PUMP_RING);
    if (map_at(at, PUMP_RING, ring->file, 0) == 0 &&
        map_at(at + PUMP_RING, PUMP_RING, ring->file, 0) == 0 &&
        map_at(at + (size_t)2 * PUMP_RING, PAGE, ring->file, PUMP_RING) == 0)
        return 0;
    int err = errno;
    munmap(at, (size_t)2 * PUMP_RING + PAGE);
    ring->bytes = NULL;
    errno = err;
    return -1;
}

static bool is_offset(loff_t offset)
{
    return offset >= 0 && offset <= PUMP_RING;
}

/* Returns whether the page is one that a keeper has left. */
static bool is_old(const struct ring_page *page)
{
    const struct batch *batch = &page->batch;

    return memcmp(page->magic, magic, sizeof magic) == 0 && is_offset(page->taken) &&
           is_offset(page->done) && page->done < PUMP_RING && is_offset(batch->from) &&
           is_offset(batch->upto) && batch->messages >= 0 &&
           batch->messages <= PUMP_MESSAGES && batch->prefix_length >= 0 &&
           batch->prefix_length <= PUMP_PREFIX_MAX;
}

/* Opens a file, or makes it and sets *made.  Returns the descriptor, or -1 and sets
 * errno. */
static int open_or_make(const char *path, bool *made)
{
    const int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(path, flags | O_CREAT | O_EXCL, 0600);

    *made = fd >= 0;
    return fd < 0 && errno == EEXIST ? open(path, flags) : fd;
}

/* Opens the file of a ring, which no other keeper may use.  Returns the descriptor, or
 * -1 and sets errno: EBUSY if another keeper has it. */
static int open_file(const char *path, bool *made)
{
    struct stat about;
    int err;
    int fd =
        path == NULL ? memfd_create("dznohup", MFD_CLOEXEC) : open_or_make(path, made);

    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        err = errno == EWOULDBLOCK ? EBUSY : errno;
    else if (fstat(fd, &about) < 0)
        err = errno;
    else if (!S_ISREG(about.st_mode) || about.st_uid != geteuid())
        err = EPERM;
    else
        /* Now, not by SIGBUS at a store, a full disk shows. */
        err = posix_fallocate(fd, 0, PUMP_RING + PAGE);
    if (err == 0)
        return fd;
    close(fd);
    errno = err;
    return -1;
}

int ring_open(struct ring *ring, const char *path, bool *old, struct dz_fault *fault)
{
    bool made = false;

    ring->file = open_file(path, &made);
    if (ring->file < 0 || map_file(ring) < 0) {
        int err = errno;
        if (made)
            unlink(path); /* a failed start leaves nothing */
        if (ring->file >= 0)
            close(ring->file);
        ring->file = -1;
        return dz_fault(fault, "keep", path != NULL ? path : "memfd", err,
                        err == EBUSY ? "another keeper has it" : NULL);
    }
    *old = is_old(ring->page);
    if (*old)
        return 0;
    memset(ring->page, 0, sizeof *ring->page);
    ring->bytes[PUMP_RING - 1] = '\n'; /* the byte before the first */
    in_order();
    memcpy(ring->page->magic, magic, sizeof magic);
    return 0;
}

void ring_close(struct ring *ring)
{
    if (ring->file < 0)
        return;
    munmap(ring->bytes, (size_t)2 * PUMP_RING + PAGE);
    close(ring->file);
    ring->file = -1;
}

size_t ring_length(const struct ring *ring)
{
    return (size_t)(ring->page->taken - ring->page->done + PUMP_RING) % PUMP_RING;
}

loff_t ring_place(const struct ring *ring, size_t after)
{
    return (ring->page->done + (loff_t)after) % PUMP_RING;
}

/* Returns the last byte that was written. */
static char *last_written(const struct ring *ring)
{
    return &ring->bytes[(ring->page->done + PUMP_RING - 1) % PUMP_RING];
}

bool ring_at_line(const struct ring *ring)
{
    return *last_written(ring) == '\n';
}

void ring_end_line(struct ring *ring)
{
    *last_written(ring) = '\n';
}

/* Returns whether the kernel or a filter refuses splice(2) into this file. */
static bool is_refusal(int err)
{
    return err == EINVAL || err == ENOSYS || err == EPERM || err == EBADF;
}

ssize_t ring_take(struct ring *ring, int pipe, size_t most)
{
    struct ring_page *page = ring->page;
    size_t room = PUMP_RING - 1 - ring_length(ring);
    ssize_t n;

    if (page->taken == PUMP_RING)
        page->taken = 0;
    if (room > (size_t)(PUMP_RING - page->taken))
        room = (size_t)(PUMP_RING - page->taken);
    if (room > most)
        room = most;
    if (room == 0)
        return 0;
    if (!ring->refused) {
        /* A store waits while the page is being written to the disk.  The store of
         * splice(2) must not wait: a KILL could come after the bytes were moved. */
        *(volatile loff_t *)&page->taken = page->taken;
        n = splice(pipe, NULL, ring->file, &page->taken, room, SPLICE_F_NONBLOCK);
        if (n >= 0 || !is_refusal(errno))
            return n < 0 && errno == EAGAIN ? 0 : n;
        ring->refused = true;
    }
    n = read(pipe, ring->bytes + page->taken, room);
    if (n > 0)
        page->taken += n;
    return n < 0 && errno == EAGAIN ? 0 : n;
}

void ring_begin(struct ring *ring, const struct batch *batch, size_t eaten)
{
    struct ring_page *page = ring->page;

    page->batch.valid = false;
    in_order();
    page->batch = *batch;
    page->batch.valid = false;
    page->batch.from = page->done;
    page->batch.upto = ring_place(ring, eaten);
    in_order();
    page->batch.valid = true;
    in_order();
}

void ring_commit(struct ring *ring, loff_t upto)
{
    in_order();
    ring->page->done = upto;
    in_order();
    /* A batch that does not begin at done counts as none. */
    ring->page->batch.valid = false;
}
