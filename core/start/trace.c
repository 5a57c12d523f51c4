/*
 * A row about this process for -v: what each fork and setsid does to its PID, process
 * group, session and controlling terminal.
 */
#include "start.h"

#include <string.h>
#include <unistd.h>

void dz_format_ids(const char *step, char *at, size_t size)
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
