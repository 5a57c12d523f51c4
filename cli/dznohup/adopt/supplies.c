/*
 * What the target takes over: opened by us, in the caller's directory, before the
 * target is stopped.
 */
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Refuses a path that means a descriptor: ours is not the program's. */
static int check_path(const struct dz_output *output, const char *step,
                      struct dz_fault *fault)
{
    if (dz_named_fd(output->text) < 0)
        return 0;
    return dz_fault(fault, step, output->text, 0,
                    "is a descriptor of dznohup; the program cannot take that over");
}

static int open_log(struct dz_start *start, const struct dz_output *output,
                    const char *step, struct dz_log *log, struct dz_fault *fault)
{
    if (output->kind != DZ_OUTPUT_FILE)
        return dz_open_default_log(start->plan->name, start->envp, log, fault);
    return check_path(output, step, fault) < 0
               ? -1
               : dz_open_log(output->text, step, log, fault);
}

static int open_input(const struct dz_plan *plan, struct supplies *supplies,
                      struct dz_fault *fault)
{
    const int flags = O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
    const char *path = plan->input.text;
    struct stat about;
    int fd;

    if (check_path(&plan->input, "input", fault) < 0)
        return -1;
    fd = open(path, O_RDONLY | flags);
    if (fd < 0 || fstat(fd, &about) < 0)
        return dz_fault(fault, "input", path, errno, NULL);
    supplies->two_ways = S_ISFIFO(about.st_mode);
    supplies->fd[USE_INPUT] = fd;
    return 0;
}

/* Returns whether the file open on fd can be opened for reading as well. */
static bool is_readable(int fd)
{
    struct stat about;
    char path[32];
    int again;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fstat(fd, &about) < 0 || !S_ISREG(about.st_mode))
        return false;
    again = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    if (again < 0)
        return false;
    dz_close(again);
    return true;
}

void init_supplies(struct supplies *supplies)
{
    for (int i = 0; i <= USE_ERROR; i++)
        supplies->fd[i] = -1;
    supplies->directory = -1;
    supplies->readable = supplies->two_ways = false;
}

/* Returns whether that is to be opened. */
static bool lacks(const struct supplies *supplies, const struct holdings *found,
                  enum holding_use use)
{
    return supplies->fd[use] < 0 && has_use(found, use);
}

int open_supplies(struct dz_start *start, const struct dz_plan *plan,
                  const struct holdings *found, struct supplies *supplies,
                  struct dz_fault *fault)
{
    if (lacks(supplies, found, USE_NULL)) {
        supplies->fd[USE_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (supplies->fd[USE_NULL] < 0)
            return dz_fault(fault, "streams", "/dev/null", errno, NULL);
    }
    if (lacks(supplies, found, USE_INPUT) && open_input(plan, supplies, fault) < 0)
        return -1;
    if (plan->chdir != NULL && supplies->directory < 0) {
        supplies->directory = open(plan->chdir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (supplies->directory < 0)
            return dz_fault(fault, "chdir", plan->chdir, errno, NULL);
    }
    if (lacks(supplies, found, USE_ERROR)) {
        supplies->fd[USE_ERROR] =
            open_log(start, &plan->error, "error", &start->error_log, fault);
        if (supplies->fd[USE_ERROR] < 0)
            return -1;
    }
    if (lacks(supplies, found, USE_OUTPUT) || lacks(supplies, found, USE_BOTH)) {
        int fd = open_log(start, &plan->output, "output", &start->log, fault);
        if (fd < 0)
            return -1;
        supplies->fd[USE_OUTPUT] = supplies->fd[USE_BOTH] = fd;
        supplies->readable = is_readable(fd);
    }
    return 0;
}
