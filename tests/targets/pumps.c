/*
 * A keeper that does nothing but pump, so that it can be killed and followed by
 * another:
 *
 *     pumps BASE PID [OPTION]... COMMAND [ARG]...
 *
 * The rings' files begin with BASE; "-": there are none.  With a PID other than 0 it
 * takes over what a killed one pumped for that process, and starts no COMMAND.  It
 * writes the PID to BASE.pid, and prints what keeps it from writing.
 */
#include "pump.h"
#include "syscalls.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct dz_plan plan;
static struct dz_start start;
static struct dz_fault fault;
static struct pump pump;
static char note[512];

static pid_t start_command(void)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    for (int i = 1; i < 3; i++) {
        int fd = pump_target_fd(&pump, i);
        if (fd < 0)
            fd = start.new_fd[i];
        if (fd >= 0)
            dup2(fd, i);
    }
    execvp(plan.argv[0], plan.argv);
    _exit(127);
}

static void write_pid(const char *base, pid_t pid)
{
    char path[PATH_MAX];
    FILE *file;

    snprintf(path, sizeof path, "%s.pid", base);
    file = fopen(path, "w");
    if (file == NULL || fprintf(file, "%ld\n", (long)pid) < 0 || fclose(file) != 0)
        exit(1);
}

static void print_trouble(void)
{
    char now[sizeof note];
    struct dz_text text = dz_text(now, sizeof now);

    pump_trouble(&pump, &text);
    if (strcmp(now, note) == 0)
        return;
    memcpy(note, now, sizeof note);
    dprintf(2, "trouble: %s\n", note);
}

/* Pumps until the process has ended.  Returns its status, 0 if it is no child. */
static int pump_on(pid_t pid, int pidfd)
{
    struct pollfd polls[PUMP_POLLS + 1];
    bool over = false;
    int status = 0;
    int child;

    for (;;) {
        int count = pump_polls(&pump, polls);
        polls[count] = (struct pollfd){.fd = over ? -1 : pidfd, .events = POLLIN};
        poll(polls, (nfds_t)count + 1, pump_timeout(&pump));
        over = over || polls[count].revents != 0;
        for (pid_t ended; (ended = waitpid(-1, &child, WNOHANG)) > 0;) {
            if (ended == pid)
                status = WEXITSTATUS(child);
            pump_reaped(&pump, ended, child);
        }
        pump_run(&pump);
        if (over && pump_drain(&pump))
            return status;
        print_trouble();
    }
}

int main(int argc, char **argv)
{
    const char *base = argc > 3 && strcmp(argv[1], "-") != 0 ? argv[1] : NULL;
    pid_t target = argc > 3 ? (pid_t)strtol(argv[2], NULL, 10) : 0;
    int operand;
    int status;

    if (argc < 4)
        return 2;
    dz_plan_init(&plan, NULL);
    if (parse_options(&plan, argc - 2, argv + 2, &operand, &fault) < 0)
        return tell(2, &fault);
    plan.argv = argv + 2 + operand;
    dz_start_init(&start, &plan, environ);
    if (dz_guard_streams(&start, &fault) < 0 || dz_open_streams(&start, &fault) < 0 ||
        pump_open(&pump, &start, base, target, &fault) < 0)
        return tell(2, &fault);
    if (target == 0)
        target = start_command();
    if (base != NULL)
        write_pid(base, target);
    pump.target = target;
    status = pump_on(target, (int)syscall(DZ_SYS_PIDFD_OPEN, target, 0));
    pump_close(&pump, dz_milliseconds() + 5000);
    return status;
}
