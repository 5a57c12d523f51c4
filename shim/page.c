/*
 * The page that a fork(2) child does not get from its parent.
 *
 * Invariant: page->pid is the process whose memory the page is in, or 0.  A child that
 * vfork(2) made finds its parent's PID there.  A child that fork(2) made finds 0.
 */
#include "shim.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct shim_process *page;

/*
 * Returns whether this process uses another's memory.  unshare(2) then refuses, with
 * EINVAL, to leave it; in a process of one thread with memory of its own it does
 * nothing.  A vfork(2) child has one thread.  If a filter refuses the call, the page is
 * taken for our own: an interposed fork(2) has marked it in nearly every child.
 */
static bool shares_memory(void)
{
    enum { MEMORY = 0x100 /* CLONE_VM of sched.h */ };
    int err = errno;
    bool shares = syscall(SYS_unshare, MEMORY) < 0 && errno == EINVAL;

    errno = err;
    return shares && !shim_has_threads();
}

struct shim_process *shim_process(void)
{
    pid_t self = getpid();

    if (page->pid == self)
        return page;
    if (page->pid != 0 || shares_memory())
        return NULL;
    page->pid = self;
    return page;
}

void shim_forked(void)
{
    if (page == NULL)
        return;
    /* A kernel before 4.14 has not emptied it. */
    memset(page, 0, sizeof *page);
    page->pid = getpid();
}

/* mmap(2) of the two libcs takes offsets of different width on 32 bits. */
void *shim_map(size_t size)
{
    void *at;

#ifdef SYS_mmap2
    enum { CALL = SYS_mmap2 };
#else
    enum { CALL = SYS_mmap };
#endif

    at = (void *)syscall(CALL, NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

int shim_map_page(struct dz_fault *fault)
{
    void *at;

    if (page != NULL)
        return 0;
    at = shim_map(sizeof *page);
    if (at == NULL)
        return dz_fault(fault, "powers", "memory", errno, NULL);
    /* A kernel before 4.14 refuses.  Then shim_forked() empties the page, and a child
     * that clone(2) made counts as one of vfork(2). */
    madvise(at, sizeof *page, MADV_WIPEONFORK);
    page = at;
    page->pid = getpid();
    return 0;
}
