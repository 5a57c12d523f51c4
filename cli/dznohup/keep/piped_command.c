/*
 * A command that reads the output on its stdin.
 *
 * The keeper holds both ends of the command's pipe.  If the command ends, what it has
 * not read waits for the next one.
 */
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int open_piped_command(struct output *output)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    output->command_end = ends[0];
    output->fd = ends[1];
    return fcntl(output->fd, F_SETFL, O_NONBLOCK);
}

/* In the child: becomes the command.  Signals are as they are for a program that a
 * shell starts; a session of its own keeps it from what ends the target's. */
__attribute__((noreturn)) static void become(const struct output *output, char **envp)
{
    char *argv[] = {"sh", "-c", (char *)output->text, NULL};
    sigset_t none;

    setsid();
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL); /* KILL, STOP and libc's own cannot be set */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* What it prints must not come back to it. */
    int null = open("/dev/null", O_RDWR);
    if (null >= 0 && dz_dup2(output->command_end, 0) == 0 && dz_dup2(null, 1) == 1 &&
        dz_dup2(null, 2) == 2) {
        dz_close_between(3, INT_MAX);
        execve("/bin/sh", argv, envp);
    }
    _exit(DZ_EXIT_NOT_FOUND);
}

int start_piped_command(struct output *output, char **envp)
{
    pid_t pid = fork();

    if (pid == 0)
        become(output, envp);
    if (pid < 0)
        return -1;
    output->command = pid;
    return 0;
}
