/*
 * usage: notes-signals FILE UP: appends the number of each signal that it gets to FILE,
 * a line each.  Makes UP when it is ready.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct signalfd_siginfo info;
    uint64_t all = ~UINT64_C(0);
    char line[16];
    int signals;
    int out;

    if (argc < 3)
        return 1;
    /* By the kernel's own calls: libc keeps two numbers to itself. */
    syscall(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, &all, NULL, sizeof all);
    signals = (int)syscall(SYS_signalfd4, -1, &all, sizeof all, 0);
    out = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0644);
    close(open(argv[2], O_WRONLY | O_CREAT, 0644));
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        int length = snprintf(line, sizeof line, "%u\n", info.ssi_signo);
        if (write(out, line, (size_t)length) < 0)
            return 1;
    }
    return 1;
}
