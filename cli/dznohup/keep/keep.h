/*
 * The keeper's room: the launcher that stays with its job.  It starts the program
 * again, records how it has ended, reaps, and passes signals on.
 *
 * Needs all of core, and the launcher's room.  The keeper is our own process, but it
 * forks the program from itself: between fork and exec the rules of base.h hold.
 * Unless a comment says otherwise a function returns 0, or -1 with *fault filled in.
 */
#ifndef KEEP_H
#define KEEP_H

#include "await.h"
#include "dznohup.h"
#include "pump.h"

/* What the keeper waits for. */
enum phase {
    PHASE_STARTING, /* the conditions of --wait */
    PHASE_RUNNING,  /* the end of the program */
    PHASE_STOPPING, /* the end of the program, which was told to end */
    PHASE_ENDING,   /* the end of what the program has left behind */
    PHASE_DRAINING, /* the output of the run to be written */
    PHASE_DELAY,    /* the time of the next run */
    PHASE_OVER      /* nothing: the job is over */
};

struct keeper {
    struct dz_start *start;
    const struct command *command;
    const char *library; /* to preload, or empty */
    enum phase phase;
    int64_t until; /* of STOPPING and ENDING: when to kill; else: the end */
    int signals;   /* signalfd(2) of all signals */
    int pidfd;     /* of the program once it is ready, or -1 */
    bool told;     /* the caller knows how the first start went */
    bool failed;   /* this run did not get ready; fault says why */
    bool reaped;   /* the program has ended, and was reaped */
    int status;    /* how, as of waitpid(2); -1: unknown */
    int64_t began; /* when this run did; dz_milliseconds */
    bool stopping; /* no run follows */
    bool again;    /* dzctl restart asks for the next run, which follows in any case */
    bool asked;    /* dzctl restart has asked for this run */
    int64_t stop_until; /* when to kill what does not stop */
    bool suspended;     /* the program was told to suspend itself, as TSTP does */
    int failures;       /* runs that failed in a row */
    int64_t delay;      /* before the next run */
    struct dz_members members; /* the job's processes: all below the keeper */
    struct watch watch;        /* of STARTING */
    struct dz_identity taken;  /* the program, if a keeper before this one has started
                                  it; else pid is 0 */
    struct pump pump;          /* nothing in it: the program writes by itself */
    struct dz_identity commands[PUMP_CHANNELS]; /* of the pump: no part of the job */
    char note[256]; /* the record's last note about the pump */
    struct {
        int64_t within; /* milliseconds within which the program must speak; 0: any */
        int64_t until;  /* when the program must have spoken; INT64_MAX: never */
        bool triggered; /* the program has asked for its end */
        bool bitten;    /* the watchdog has ended this run */
    } watchdog;
    struct {
        bool there;      /* NOTIFY_SOCKET names one */
        bool ready;      /* the manager was told that this run is ready */
        int64_t within;  /* of the manager's watchdog, in milliseconds; 0: none */
        int64_t feed_at; /* when to feed it if no program runs that does */
    } manager;
    struct dz_fault fault;
};

/* ---- phases.c ---- */

/* Tells the caller that the job runs. */
void tell_started(struct keeper *keeper);

/* Tells the program to end, by that signal, and by KILL after so many milliseconds. */
void begin_stopping(struct keeper *keeper, int number, int64_t within);

/* Ends a run that is not ready and will not be. */
void fail_run(struct keeper *keeper);

/* Does what is due.  Returns when to look again if no event comes. */
int64_t look_at_run(struct keeper *keeper);

/* ---- run.c: one run of the program ---- */

/* Forks the program and begins the wait for it. */
int run_begin(struct keeper *keeper, struct dz_fault *fault);

/* Makes the descriptors 0, 1 and 2 of the keeper those of the program, and closes all
 * that neither the keeper nor the next run needs. */
int run_take_streams(struct keeper *keeper, struct dz_fault *fault);

/* Opens the logs anew by their names, for the next run.  A log that cannot be opened
 * stays as it is. */
void run_reopen_logs(struct keeper *keeper);

/* ---- resume.c: the program of a keeper that was killed ---- */

/* Before the pump is opened: finds the program, of which the record tells. */
int find_program(struct keeper *keeper, struct dz_fault *fault);

/* Becomes its keeper: the record names this process from now on. */
int resume_program(struct keeper *keeper, struct dz_fault *fault);

/* Returns whether that program has ended; sets keeper->status then. */
bool taken_has_ended(struct keeper *keeper);

/* ---- pumping.c ---- */

/* If a stream needs a pump, opens it, and makes its pipes the program's streams. */
int open_pump(struct keeper *keeper, struct dz_fault *fault);

/* Takes the pump's commands out of keeper->members. */
void spare_commands(struct keeper *keeper);

/* Writes to the record what keeps the pump from writing, when that changes. */
void note_trouble(struct keeper *keeper);

/* Sets the time for DRAINING: without a stop there is no limit. */
void limit_drain(struct keeper *keeper);

/* Ends the pump after the last run. */
void close_pump(struct keeper *keeper);

/* ---- hearing.c: what the program says by sd_notify(3) ---- */

/* Returns whether the keeper listens to a program that runs. */
bool hears_program(const struct keeper *keeper);

/* Before the fork: opens the socket of this run if hears_program() is true. */
int open_hearing(struct keeper *keeper, struct dz_fault *fault);

/* Reads what the program has said. */
void hear_program(struct keeper *keeper);

/* Opens the socket that a taken program knows.  If that fails, says so in the log. */
void resume_hearing(struct keeper *keeper);

/* ---- watchdog.c ---- */

/* In the child: tells the program how often it has to speak. */
int watchdog_pass(struct keeper *keeper, struct dz_fault *fault);

/* Before a run: the watchdog waits for watchdog_feed. */
void watchdog_begin(struct keeper *keeper);

/* Begins the program's time anew: it has begun to run, has spoken, or could not speak.
 */
void watchdog_feed(struct keeper *keeper);

/* Take the values of WATCHDOG and WATCHDOG_USEC. */
void watchdog_hear(struct keeper *keeper, const char *value);
void watchdog_change(struct keeper *keeper, const char *value);

/* Returns whether the program is to be ended, and says so in the log then. */
bool watchdog_bites(struct keeper *keeper);

/* ---- manager.c: our own service manager ---- */

/* Finds the manager by the environment. */
void manager_find(struct keeper *keeper);

/* Tells the manager that a run is ready; first: the first one.  In leave mode the
 * caller tells that.  In stay mode without a condition the program does, by
 * manager_pass. */
void manager_ready(struct keeper *keeper, bool first);

/* Tells the manager that another run follows. */
void manager_reloading(struct keeper *keeper);

/* Feeds the manager's watchdog if no program runs that could.  Returns when to do so
 * again. */
int64_t manager_look(struct keeper *keeper);

/* Passes on what the program has said. */
void manager_pass(struct keeper *keeper, const char *said);

/* ---- restart.c: whether and when the next run comes ---- */

/* Returns whether another run follows this one, which has ended, and when: *delay is in
 * milliseconds.  Counts the runs that failed. */
bool restart_follows(struct keeper *keeper, int64_t *delay);

/* ---- reaping.c: the ends of processes ---- */

/* Reaps every child that has ended, but not the program itself. */
void reap_orphans(struct keeper *keeper);

/* Returns whether the program has ended; then it was reaped, and keeper->status is how
 * it has ended. */
bool reap_program(struct keeper *keeper);

/* Sends the signal to each process of the job.  Returns how many there are; 0 too if
 * /proc cannot tell. */
int signal_members(struct keeper *keeper, int number);

/* ---- passing.c: signals to the keeper ---- */

/* Blocks every signal, and opens keeper->signals for them. */
int open_signals(struct keeper *keeper, struct dz_fault *fault);

/* What a signal asks the keeper for. */
struct request {
    int number;
    int stop_signal;     /* to begin a stop with */
    int64_t stop_within; /* milliseconds before KILL; INT64_MAX: never */
    bool again;          /* the stop is a restart */
};

/* Reads the next signal.  Returns whether there was one. */
bool next_signal(const struct keeper *keeper, struct request *request);

/* Sends a signal to the program, or with --signal-group to its process group. */
void pass_signal(const struct keeper *keeper, int number);

/* Returns whether the program catches the signal, or has it blocked to read it, as by
 * signalfd(2). */
bool program_takes(const struct keeper *keeper, int number);

/* ---- keeper_says.c: lines in the job's log, and the record ---- */

/* Says how a run has ended, and that the next one begins after delay, unless that is
 * -1. */
void say_ended(struct keeper *keeper, int64_t delay);

/* Writes the same to the record. */
void record_ended(const struct keeper *keeper);

/* A record that cannot be written now may be writable a moment later. */
enum { RECORD_TRIES = 3, RECORD_TRY_MS = 100 };

/* Adds whole lines to the record. */
void record_lines(const struct keeper *keeper, const char *lines);

/* Tells dzctl restart by the record that the run is ready. */
void record_ready(const struct keeper *keeper);

/* Says one line in the job's log, unless -q was given. */
void say_line(struct keeper *keeper, const char *text);

#endif
