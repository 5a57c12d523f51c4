/*
 * Preloads libdz.so into the target if an option needs it.
 *
 * The dynamic linker of glibc only warns of a missing library, and that of musl is
 * silent.  So the library is looked for before the start.  Where a process of ours
 * waits (leave mode, the keeper), the library must answer on a copy of the report pipe
 * that outlives the exec.  In stay mode no process waits, and none is made: the user
 * may have reached the limit of processes.
 */
#include "dznohup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool needs_library(const struct dz_plan *plan)
{
    return dz_wants_powers(plan) || dz_condition(&plan->wait, DZ_WAIT_MAIN) != NULL;
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
    obstacle = dz_preload_obstacle(&target.what);
    if (obstacle != NULL)
        return dz_fault(fault, "preload", target.program, 0, obstacle);
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

/* Makes a copy of fd that outlives the exec: the report pipe, or the caller's stderr.
 */
static int copy_for_library(int fd, struct dz_fault *fault)
{
    int copy = fd > 2 ? dup(fd) : fd;

    return copy < 0 ? dz_fault(fault, "preload", "pipe", errno, NULL) : copy;
}

/* Blocks SIGHUP until --reopen has its handler.  A signal that comes before then
 * reopens the log, too.  Returns the bit of what was blocked. */
static uint64_t hold_hangup(const struct dz_plan *plan)
{
    sigset_t hangup;

    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    return plan->reopen && sigprocmask(SIG_BLOCK, &hangup, NULL) == 0
               ? dz_signal_bit(SIGHUP)
               : 0;
}

/* Returns the variable DZ_INSIDE, in memory that is never freed, or NULL. */
static char *make_inside(const struct dz_start *start, int fd)
{
    struct dz_inside inside = {
        .kind = start->report_fd >= 0 ? DZ_INSIDE_AWAITED : DZ_INSIDE_ALONE, .fd = fd};
    bool reopen = start->plan->reopen;
    char powers[DZ_POWERS_MAX];

    dz_powers_text(start->plan, false, powers);
    dz_inside_path(&inside, DZ_INSIDE_LOG, reopen ? dz_stream_log(start, 1) : NULL);
    dz_inside_path(&inside, DZ_INSIDE_ERROR_LOG,
                   reopen ? dz_stream_log(start, 2) : NULL);
    dz_inside_path(&inside, DZ_INSIDE_PIDFILE, start->pidfile_claim.path);
    dz_inside_path(&inside, DZ_INSIDE_RECORD, start->record_claim.path);
    inside.held = hold_hangup(start->plan);
    size_t size = dz_inside_size(powers, &inside);
    char *variable = malloc(size);
    if (variable != NULL) {
        struct dz_text text = dz_text(variable, size);
        dz_inside_write(powers, &inside, &text);
    }
    return variable;
}

int preload_library(struct dz_start *start, const char *path, struct dz_fault *fault)
{
    const char *others = dz_env(start->envp, "LD_PRELOAD");
    char *preload;
    char *inside;
    int fd;

    if (!needs_library(start->plan))
        return 0;
    fd = copy_for_library(start->report_fd >= 0 ? start->report_fd : start->stderr_fd,
                          fault);
    if (fd < 0)
        return -1;
    /* Last: of several libraries marked initfirst, glibc runs the last one first. */
    if (asprintf(&preload, "LD_PRELOAD=%s%s%s", others != NULL ? others : "",
                 others != NULL ? ":" : "", path) < 0 ||
        (inside = make_inside(start, fd)) == NULL)
        return dz_fault(fault, "preload", NULL, ENOMEM, NULL);
    if (dz_set_variable(start, "LD_PRELOAD", preload, fault) < 0)
        return -1;
    return dz_set_variable(start, DZ_INSIDE, inside, fault);
}
