/*
 * Prints how many instructions a launcher runs outside of the kernel, its
 * processes and its dynamic linker's work included, the target's not: single
 * steps until an exec, or the end.
 *
 * usage: steps COMMAND [ARG]...
 *
 * Callgrind cannot tell: it drops what was counted when a process executes
 * another program, and counts twice what came before a fork.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void be_launched(char **argv)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int i = 0; i < 3; i++)
        dup2(null, i);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP); /* until the options are set */
    execv(argv[0], argv);
    _exit(127);
}

int main(int argc, char **argv)
{
    const long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                         PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    long long count = 0;
    int launched = 0;
    int status;
    pid_t first;
    pid_t pid;

    if (argc < 2)
        errx(1, "usage: steps COMMAND [ARG]...");
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        err(1, "prctl");
    first = fork();
    if (first == 0)
        be_launched(argv + 1);
    if (waitpid(first, &status, 0) != first ||
        ptrace(PTRACE_SETOPTIONS, first, NULL, options) != 0 ||
        ptrace(PTRACE_CONT, first, NULL, NULL) != 0)
        err(1, "%s", argv[1]);
    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        int event = status >> 16;
        long signal = 0;
        if (!WIFSTOPPED(status)) {
            if (pid == first && status != 0)
                errx(1, "%s: status 0x%x", argv[1], (unsigned)status);
            continue;
        }
        if (event == PTRACE_EVENT_EXEC && launched++ > 0) {
            ptrace(PTRACE_DETACH, pid, NULL, NULL);
            continue;
        }
        if (event == 0 && WSTOPSIG(status) == SIGTRAP)
            count++;
        else if (event == 0 && WSTOPSIG(status) != SIGSTOP)
            signal = WSTOPSIG(status);
        /* ESRCH: killed meanwhile; the next wait tells. */
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, signal) != 0 && errno != ESRCH)
            err(1, "%s", argv[1]);
    }
    if (launched < 2)
        errx(1, "%s: started nothing", argv[1]);
    printf("%lld\n", count);
    return 0;
}
