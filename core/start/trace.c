/*
 * One row about this process for -v, so that one sees what fork, setsid, fork
 * do to PID, PGID, SID and the controlling terminal.
 */
#include "start.h"

#include <string.h>
#include <unistd.h>

enum { PTS_MAJOR = 136 }; /* Unix98 terminals, devices.txt of the kernel */

/* tty_nr of proc_pid_stat(5): minor in bits 31-20 and 7-0, major in 15-8. */
void dz_add_tty(struct dz_text *text, int tty)
{
    unsigned device = (unsigned)tty;
    unsigned major = device >> 8 & 0xff;
    unsigned minor = (device & 0xff) | (device >> 12 & 0xfff00);

    if (tty == 0) {
        dz_add(text, "none");
        return;
    }
    if (major == PTS_MAJOR) {
        dz_add(text, "pts/");
    } else {
        dz_add_number(text, (long)major);
        dz_add(text, ":");
    }
    dz_add_number(text, (long)minor);
}

void dz_row(const char *step, char *at, size_t size)
{
    enum { STEP_WIDTH = 9 };
    struct dz_text text = dz_text(at, size);
    struct dz_process self;
    bool known = dz_read_process(getpid(), &self) == 0; /* no /proc: no terminal */

    dz_add(&text, step);
    for (size_t i = strlen(step); i < STEP_WIDTH; i++)
        dz_add_char(&text, ' ');
    dz_add(&text, "pid ");
    dz_add_number(&text, getpid());
    dz_add(&text, " ppid ");
    dz_add_number(&text, getppid());
    dz_add(&text, " pgid ");
    dz_add_number(&text, getpgrp());
    dz_add(&text, " sid ");
    dz_add_number(&text, getsid(0));
    dz_add(&text, " tty ");
    if (known)
        dz_add_tty(&text, self.tty);
    else
        dz_add(&text, "?");
}
