/* usage: ends-by NUMBER: ends by that signal, also one of libc's own. */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    unsigned long action[8];
    unsigned long none = 0;
    int number = argc > 1 ? atoi(argv[1]) : 0;

    memset(action, 0, sizeof action); /* SIG_DFL */
    syscall(SYS_rt_sigaction, number, action, NULL, (size_t)8);
    syscall(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &none, NULL, (size_t)8);
    syscall(SYS_kill, getpid(), number);
    return 99;
}
