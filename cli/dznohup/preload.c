/*
 * Preloads libdz.so into the target if an option needs it.
 *
 * The dynamic linker of glibc only warns of a missing library, and that of musl is
 * silent.  So the library is looked for before the start, and must answer on a copy of
 * the report pipe that outlives the exec.
 */
#include "dznohup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool needs_library(const struct dz_plan *plan)
{
    return dz_wants_powers(plan) || dz_condition(&plan->wait, DZ_WAIT_MAIN) != NULL;
}

const char *named_library(const struct dz_plan *plan)
{
    return plan->shim != NULL ? plan->shim : DZ_SHIM_PATH;
}

/*
 * Checks that the file can be mapped as the dynamic linker will map it.  A mount with
 * noexec or a security module can forbid that.
 */
static int check_map(const char *path, struct dz_fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *at = MAP_FAILED;
    int err;

    if (fd >= 0)
        at = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    err = errno;
    if (fd >= 0)
        close(fd);
    if (at == MAP_FAILED)
        return dz_fault(fault, "preload", path, err, NULL);
    munmap(at, 1); /* cannot fail */
    return 0;
}

static bool ends_with(const char *path, const char *end)
{
    size_t length = strlen(path);

    return length >= strlen(end) && strcmp(path + length - strlen(end), end) == 0;
}

int check_library(const struct dz_plan *plan, const struct command *command,
                  char path[PATH_MAX], struct dz_fault *fault)
{
    static struct target target; /* two pages that most starts need not touch */
    const char *obstacle;

    if (!needs_library(plan))
        return 0;
    probe_target(command->path, &target);
    if (target.missing)
        return 0; /* exec reports the missing interpreter */
    obstacle = preload_obstacle(&target);
    if (obstacle != NULL)
        return dz_fault(fault, "preload", target.program, 0, obstacle);
    if (dz_wants_powers(plan) && !plan->inherit && target.scripts > 0 &&
        ends_with(target.program, "/env"))
        return dz_fault(fault, "preload", target.program, 0,
                        "env(1) would end the options' effect; use --inherit");
    if (find_library(named_library(plan), &target, path, fault) < 0)
        return -1;
    if (path[strcspn(path, " :")] != '\0')
        return dz_fault(fault, "preload", path, 0,
                        "LD_PRELOAD takes no path with a space or a colon");
    if (check_map(path, fault) < 0)
        return -1;
    if (!ends_with(path, "libdz.so")) /* core/start/environment.c */
        return dz_fault(fault, "preload", path, 0,
                        "the library's name must be libdz.so");
    return 0;
}

/* Opens a descriptor for the answer that outlives the exec. */
static int open_answer(struct dz_start *start, const char *library,
                       struct dz_fault *fault)
{
    int fd;

    if (start->report_fd < 0) /* no process of ours waits */
        return start_preload_check(start, library, fault);
    fd = dup(start->report_fd); /* the copy is not close-on-exec */
    return fd < 0 ? dz_fault(fault, "preload", "pipe", errno, NULL) : fd;
}

int preload_library(struct dz_start *start, const char *path, struct dz_fault *fault)
{
    const struct dz_plan *plan = start->plan;
    const char *others = dz_env(start->envp, "LD_PRELOAD");
    char *preload;
    int fd;

    if (!needs_library(plan))
        return 0;
    fd = open_answer(start, path, fault);
    if (fd < 0)
        return -1;
    /* Last: of several libraries marked initfirst, glibc runs the last one first. */
    if (asprintf(&preload, "LD_PRELOAD=%s%s%s", others != NULL ? others : "",
                 others != NULL ? ":" : "", path) < 0)
        return dz_fault(fault, "preload", NULL, ENOMEM, NULL);
    dz_inside_write(plan, plan->reopen ? dz_stream_log(start, 1) : NULL,
                    plan->reopen ? dz_stream_log(start, 2) : NULL, fd, start->inside);
    if (dz_set_variable(start, "LD_PRELOAD", preload, fault) < 0)
        return -1;
    return dz_set_variable(start, DZ_INSIDE, start->inside, fault);
}
