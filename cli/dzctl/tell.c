/*
 * The messages of dzctl, and the end of its output.
 */
#include "dzctl.h"

#include <errno.h>

int ctl_tell(const struct dz_fault *fault)
{
    dz_fault_write(fault, "dzctl", 2);
    return fault->status;
}

int ctl_usage(const char *command, const char *word, const char *reason)
{
    struct dz_fault fault;

    dz_fault(&fault, command, word, 0, reason);
    return ctl_tell(&fault);
}

int ctl_finish(int status)
{
    struct dz_fault fault;

    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    dz_fault(&fault, "stdout", NULL, errno, NULL);
    fault.status = CTL_FAILED;
    return ctl_tell(&fault);
}

int ctl_worst(int one, int other)
{
    return one > other ? one : other;
}
