/*
 * Having libdz.so preloaded into the target, where something must happen inside
 * of it.
 *
 * A library that is missing is a warning under glibc and silence under musl: so
 * it is looked for before, and it must answer, on a copy of the report pipe that
 * outlives the exec.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool needs_library(const struct dz_plan *plan)
{
    return dz_condition(&plan->wait, DZ_WAIT_MAIN) != NULL;
}

int check_library(struct dz_plan *plan, const struct command *command,
                  struct dz_fault *fault)
{
    struct target target;
    const char *obstacle;

    if (!needs_library(plan))
        return 0;
    probe_target(command->path, &target);
    obstacle = preload_obstacle(&target);
    if (obstacle != NULL)
        return dz_fault(fault, "preload", target.program, 0, obstacle);
    if (plan->shim[strcspn(plan->shim, " :")] != '\0')
        return dz_fault(fault, "preload", plan->shim, 0,
                        "LD_PRELOAD takes no path with a blank or a colon");
    return find_library(plan, &target, fault);
}

int preload_library(struct dz_plan *plan, struct dz_fault *fault)
{
    const char *others = dz_env(plan->envp, "LD_PRELOAD");
    char *preload;
    char *inside;
    int fd;

    if (!needs_library(plan))
        return 0;
    fd = dup(plan->report_fd); /* a copy is not close-on-exec, dup(2) */
    if (fd < 0)
        return dz_fault(fault, "preload", "pipe", errno, NULL);
    /* Behind the others: of several libraries marked initfirst glibc heeds the
     * last one. */
    if (asprintf(&preload, "LD_PRELOAD=%s%s%s", others != NULL ? others : "",
                 others != NULL ? ":" : "", plan->shim) < 0 ||
        asprintf(&inside, "%s%d", DZ_INSIDE, fd) < 0)
        return dz_fault(fault, "preload", NULL, ENOMEM, NULL);
    if (dz_env_set(plan, "LD_PRELOAD", preload, fault) < 0)
        return -1;
    return dz_env_set(plan, "DZ_INSIDE", inside, fault);
}
