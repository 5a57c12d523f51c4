/*
 * A library, initfirst, whose constructor sets SIGHUP to its default.  glibc runs it
 * before that of libdz.so where it is loaded behind that, as a program's own is.
 */
#include <signal.h>

__attribute__((constructor)) static void begin(void)
{
    signal(SIGHUP, SIG_DFL);
}
