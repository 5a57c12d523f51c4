/*
 * The page that a fork(2) child does not get from its parent.
 */
#include "shim.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

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

int shim_map_page(struct dz_fault *fault)
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
