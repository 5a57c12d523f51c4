/*
 * The table of powers.  Each begins in a file of its own, except the buffering of
 * stdio, which is one call.
 */
#include "shim.h"

#include <errno.h>

/* Their types are the libc's own; both libcs have these names. */
extern void *stdout;
extern int setvbuf(void *stream, char *buffer, int mode, size_t size);

/* --buffer.  stderr has no buffer to begin with. */
static int set_buffer(const struct dz_start *start, bool inherited,
                      struct dz_fault *fault)
{
    enum { FULL = 0, LINE = 1, NONE = 2 }; /* _IOFBF and so on, in both libcs */
    static const int modes[] = {
        [DZ_BUFFER_LINE] = LINE, [DZ_BUFFER_NONE] = NONE, [DZ_BUFFER_FULL] = FULL};
    enum dz_buffer buffer = start->plan->buffer;

    (void)inherited;
    if (buffer == DZ_BUFFER_AS_IS || setvbuf(stdout, NULL, modes[buffer], 0) == 0)
        return 0;
    return dz_fault(fault, "buffer", "stdout", errno, NULL);
}

/* In this order.  Each does nothing, and maps nothing, if the plan does not ask for it.
 * shim/libdz.map names what each interposes. */
static int (*const powers[])(const struct dz_start *start, bool inherited,
                             struct dz_fault *fault) = {
    set_buffer, shim_begin_reopen, /* --reopen: its logs */
    shim_control_signals,          /* --reopen, --pin-signals: their signals */
    shim_stay_in_foreground,       /* --no-daemon */
    shim_begin_following           /* each of them */
};

int shim_begin_powers(const struct dz_start *start, bool inherited,
                      struct dz_fault *fault)
{
    for (size_t i = 0; i < sizeof powers / sizeof powers[0]; i++)
        if (powers[i](start, inherited, fault) < 0)
            return -1;
    return 0;
}
