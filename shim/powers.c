/*
 * The powers, begun: each in a file of its own, but the buffering of stdio, which
 * is one call.
 */
#include "powers.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* Their types are the libc's own; by name they are the same in both. */
extern void *stdout;
extern int setvbuf(void *stream, char *buffer, int mode, size_t size);

static struct shim_process *page;

struct shim_process *shim_process(void)
{
    pid_t self = getpid();

    if (page->pid == self)
        return page;
    if (page->pid != 0)
        return NULL;
    page->pid = self; /* a new process has one thread */
    return page;
}

void shim_forked(void)
{
    if (page != NULL)
        shim_process();
}

static int map_page(struct dz_fault *fault)
{
    void *at = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        return dz_fault(fault, "powers", "memory", errno, NULL);
    if (madvise(at, sizeof *page, MADV_WIPEONFORK) < 0)
        return dz_fault(fault, "powers", "MADV_WIPEONFORK", errno, NULL);
    page = at;
    return 0;
}

/* stderr has no buffer to begin with. */
static int set_buffer(enum dz_buffer buffer, struct dz_fault *fault)
{
    enum { FULL = 0, LINE = 1, NONE = 2 }; /* _IOFBF and so on, in both libcs */
    int mode = buffer == DZ_BUFFER_LINE ? LINE : buffer == DZ_BUFFER_NONE ? NONE : FULL;

    if (buffer == DZ_BUFFER_AS_IS || setvbuf(stdout, NULL, mode, 0) == 0)
        return 0;
    return dz_fault(fault, "buffer", "stdout", errno, NULL);
}

int shim_powers(const struct dz_plan *plan, bool inherited, struct dz_fault *fault)
{
    if (!dz_wants_powers(plan))
        return 0;
    if (map_page(fault) < 0 || set_buffer(plan->buffer, fault) < 0)
        return -1;
    if (plan->reopen)
        shim_reopen_begin(plan);
    if (shim_govern(plan, inherited, fault) < 0)
        return -1;
    return plan->no_daemon ? shim_stay_here(fault) : 0;
}
