/*
 * A shell command that tells whether the job is ready.
 *
 * The command is tried again and again, in a process group of its own.  What is left of
 * the group when the command ends is killed.  The command is our child, as the job is,
 * so the walks over the job's processes spare it.
 */
#include "syscalls.h"
#include "wait.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_MS = 100, MOST_MS = 1000 };

/* In the child: opens /dev/null as each stream.  Nobody reads the command's output, and
 * the caller's stdin is not meant for the command. */
static void drop_streams(void)
{
    int fd = open("/dev/null", O_RDWR);

    for (int i = 0; i < 3 && fd >= 0; i++)
        dz_dup2(fd, i);
    if (fd > 2)
        dz_close(fd);
}

/* In the child: becomes the command.  Its environment is the caller's without our own
 * variables, and with DZ_PID. */
static void execute(struct dz_start *start, const struct dz_condition *condition)
{
    char command[DZ_CONDITION_MAX];
    char variable[32];
    struct dz_text text = dz_text(variable, sizeof variable);
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, command, NULL};
    struct dz_fault unheard;
    sigset_t none;

    memcpy(command, condition->path, (size_t)condition->path_length);
    command[condition->path_length] = '\0';
    dz_add(&text, "DZ_PID=");
    dz_add_number(&text, start->pid);
    setpgid(0, 0);
    drop_streams();
    /* A keeper has left the caller's directory. */
    if (start->kept.keeper != 0 && start->cwd[0] != '\0' && chdir(start->cwd) < 0)
        return;
    if (dz_drop_interrupts(start, &unheard) < 0 ||
        dz_unguard_writes(start, &unheard) < 0 ||
        dz_clean_environment(start, &unheard) < 0 ||
        dz_set_variable(start, "DZ_PID", variable, &unheard) < 0)
        return;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve("/bin/sh", argv, start->envp);
}

static void start_command(struct dz_probe *probe, struct dz_start *start,
                          const struct dz_condition *condition)
{
    pid_t pid = fork();

    if (pid == 0) {
        execute(start, condition);
        _exit(DZ_EXIT_CANNOT_RUN);
    }
    if (pid < 0)
        return;        /* tried again */
    setpgid(pid, pid); /* here and in the child, because either may come first */
    if (dz_identify(pid, &probe->who) < 0)
        probe->who.start = 0; /* no /proc: there are no walks either */
    probe->who.pid = pid;
    probe->pidfd = (int)syscall(DZ_SYS_PIDFD_OPEN, pid, 0); /* -1: polled */
}

/* Kills what is left of the command's group, then reaps the command.  Until the command
 * is reaped, no other process or group gets its number.  Returns its status, as of
 * waitpid(2). */
static int end_command(struct dz_probe *probe)
{
    int status = -1;

    kill(-probe->who.pid, SIGKILL); /* ESRCH: it has no group yet */
    kill(probe->who.pid, SIGKILL);
    dz_waitpid(probe->who.pid, &status, 0);
    dz_close_fd(&probe->pidfd);
    probe->who.pid = 0;
    return status;
}

/* Returns whether the command runs. */
static bool command_runs(const struct dz_probe *probe)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_PID, (id_t)probe->who.pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
               0 &&
           info.si_pid == 0;
}

bool dz_probe_look(struct dz_probe *probe, struct dz_start *start,
                   const struct dz_condition *condition, int64_t now)
{
    if (probe->who.pid > 0) {
        if (command_runs(probe))
            return false;
        if (end_command(probe) == 0)
            return true;
        probe->pause = probe->pause == 0 ? FIRST_MS : 2 * probe->pause;
        probe->pause = probe->pause > MOST_MS ? MOST_MS : probe->pause;
        probe->next_at = now + probe->pause;
    } else if (now >= probe->next_at) {
        start_command(probe, start, condition);
        if (probe->who.pid == 0)
            probe->next_at = now + FIRST_MS;
    }
    return false;
}

void dz_probe_end(struct dz_probe *probe)
{
    if (probe->who.pid > 0)
        end_command(probe);
}
