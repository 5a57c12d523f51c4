/*
 * Having libdz.so preloaded into the target, where something must happen inside
 * of it.
 *
 * A library that is missing is a warning under glibc and silence under musl: so
 * it is looked for before, and it must answer, on a copy of the report pipe that
 * outlives the exec.
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

/*
 * Whether the file can be mapped as the dynamic linker will: a mount with noexec or
 * a security module can forbid it.
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
        close(fd); /* read only: nothing can be lost */
    if (at == MAP_FAILED)
        return dz_fault(fault, "preload", path, err, NULL);
    munmap(at, 1); /* cannot fail for what was mapped */
    return 0;
}

static bool ends_with(const char *path, const char *end)
{
    size_t length = strlen(path);

    return length >= strlen(end) && strcmp(path + length - strlen(end), end) == 0;
}

int check_library(struct dz_plan *plan, const struct command *command,
                  struct dz_fault *fault)
{
    static struct target target; /* two pages that most starts need not touch */
    const char *obstacle;

    if (!needs_library(plan))
        return 0;
    probe_target(command->path, &target);
    if (target.missing)
        return 0; /* the exec will say it better */
    obstacle = preload_obstacle(&target);
    if (obstacle != NULL)
        return dz_fault(fault, "preload", target.program, 0, obstacle);
    if (dz_wants_powers(plan) && !plan->inherit && target.scripts > 0 &&
        ends_with(target.program, "/env"))
        return dz_fault(fault, "preload", target.program, 0,
                        "the powers would end with it: --inherit");
    if (plan->shim[strcspn(plan->shim, " :")] != '\0')
        return dz_fault(fault, "preload", plan->shim, 0,
                        "LD_PRELOAD takes no path with a blank or a colon");
    if (find_library(plan, &target, fault) < 0 || check_map(plan->shim, fault) < 0)
        return -1;
    if (!ends_with(plan->shim, "libdz.so")) /* core/env.c */
        return dz_fault(fault, "preload", plan->shim, 0,
                        "the library is known by its name, libdz.so");
    return 0;
}

int prepare_library(struct dz_plan *plan, struct command *command,
                    struct dz_fault *fault)
{
    static const char answer[] = "the answer of libdz.so";
    static char absolute[PATH_MAX];
    struct dz_conditions *wait = &plan->wait;

    if (!needs_library(plan))
        return 0;
    if (dz_make_absolute(plan->shim, absolute) < 0)
        return dz_fault(fault, "preload", plan->shim, errno, NULL);
    plan->shim = absolute;
    wait->defaults = false; /* what is added here is added */
    if (wait->count == 0 && dz_parse_conditions(wait, "alive:0.1", fault) < 0)
        return -1;
    if (dz_condition(wait, DZ_WAIT_MAIN) == NULL) {
        if (dz_parse_conditions(wait, "main", fault) < 0)
            return -1;
        wait->list[wait->count - 1].text = answer;
        wait->list[wait->count - 1].length = sizeof answer - 1;
    }
    return step_over_env(command, fault);
}

/* A descriptor for the answer that outlives the exec. */
static int open_answer(struct dz_plan *plan, struct dz_fault *fault)
{
    int fd;

    if (plan->mode == DZ_STAY)
        return leave_witness(plan, fault);
    fd = dup(plan->report_fd); /* a copy is not close-on-exec, dup(2) */
    return fd < 0 ? dz_fault(fault, "preload", "pipe", errno, NULL) : fd;
}

int preload_library(struct dz_plan *plan, struct dz_fault *fault)
{
    const char *others = dz_env(plan->envp, "LD_PRELOAD");
    char *preload;
    int fd;

    if (!needs_library(plan))
        return 0;
    fd = open_answer(plan, fault);
    if (fd < 0)
        return -1;
    /* Behind the others: of several libraries marked initfirst glibc heeds the
     * last one. */
    if (asprintf(&preload, "LD_PRELOAD=%s%s%s", others != NULL ? others : "",
                 others != NULL ? ":" : "", plan->shim) < 0)
        return dz_fault(fault, "preload", NULL, ENOMEM, NULL);
    dz_inside_write(plan, fd, plan->inside);
    if (dz_env_set(plan, "LD_PRELOAD", preload, fault) < 0)
        return -1;
    return dz_env_set(plan, DZ_INSIDE, plan->inside, fault);
}
