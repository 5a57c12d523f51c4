/*
 * The table of habits: what users of other tools type, and what to write here.
 *
 * The table is read only after a word was refused, so it changes nothing that works.
 */
#include "dznohup.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define AS_USER "dznohup setpriv --reuid=USER --regid=GROUP --init-groups COMMAND"

/*
 * A row: a pattern of fnmatch(3), and what to write.  "--X" and "-x" are options that
 * dznohup lacks.  "--X=Y" are values that an option of ours refuses.  All else is a
 * command that was not found.  tests/habits.bats types each word; for a pattern, the
 * word in tried.
 */
static const struct habit {
    const char *word;
    const char *answer;
    const char *tried;
} habits[] = {
    /* start-stop-daemon */
    {"-b", "write dznohup -d COMMAND", NULL},
    {"--background", "write dznohup -d COMMAND", NULL},
    {"-S", "leave it out: dznohup starts COMMAND", NULL},
    {"--start", "leave it out: dznohup starts COMMAND", NULL},
    {"-K", "write dzctl stop JOB", NULL},
    {"--stop", "write dzctl stop JOB", NULL},
    {"-R", "write dzctl stop -t SEC JOB, or -s TERM,30,KILL", NULL},
    {"--retry", "write dzctl stop -t SEC JOB, or -s TERM,30,KILL", NULL},
    {"-s", "write dzctl stop -s SIG JOB, or dzctl signal SIG JOB", NULL},
    {"-m", "leave it out: -p FILE writes the pidfile", NULL},
    {"--make-pidfile", "leave it out: -p FILE writes the pidfile", NULL},
    {"--remove-pidfile", "leave it out: dzctl stop and --keep remove the pidfile",
     NULL},
    {"-x", "write the program itself: dznohup -d COMMAND", NULL},
    {"--exec", "write the program itself: dznohup -d COMMAND", NULL},
    {"--startas", "write the program itself: dznohup -d COMMAND", NULL},
    {"-a", "leave it out: output is always appended", NULL},
    {"-c", "for a directory write -C DIR, for a user " AS_USER, NULL},
    {"--chuid", "write " AS_USER, NULL},
    {"-g", "write " AS_USER, NULL},
    {"-N", "write dznohup nice -n N COMMAND", NULL},
    {"--nicelevel", "write dznohup nice -n N COMMAND", NULL},
    {"-r",
     "to start again write --restart, for a root directory dznohup chroot DIR "
     "COMMAND",
     NULL},
    {"--chroot", "write dznohup chroot DIR COMMAND", NULL},
    {"--oknodo", "write --if-not-running", NULL},
    {"--test", "write dznohup -n COMMAND", NULL},
    {"--no-close", "write -o - to keep the output, --keep-fd=N for other descriptors",
     NULL},
    /* daemonize, daemon(1), daemon(8) */
    {"-E", "write dznohup env VAR=VALUE COMMAND", NULL},
    {"--env", "write dznohup env VAR=VALUE COMMAND", NULL},
    {"--setenv", "write dznohup env VAR=VALUE COMMAND", NULL},
    {"-l", "for a log write -o FILE; -p FILE is a lock, too", NULL},
    {"--log", "write -o FILE", NULL},
    {"--stdout", "write -o FILE", NULL},
    {"--stderr", "write -e FILE", NULL},
    {"--logfile", "write -o FILE", NULL},
    {"--append", "leave it out: output is always appended", NULL},
    {"-F", "write -p FILE", NULL},
    {"--respawn", "write --restart", NULL},
    {"--running", "write dzctl status JOB", NULL},
    {"--list", "write dzctl list", NULL},
    /* setsid(1), nohup(1) */
    {"-f", "write dznohup -d COMMAND", NULL},
    {"--fork", "write dznohup -d COMMAND", NULL},
    {"--ctty", "leave it out: a daemon has no terminal; -i - keeps stdin", NULL},
    {"--foreground", "leave it out: without -d dznohup keeps its PID", NULL},
    /* systemd-run */
    {"--user", "for a user write " AS_USER, NULL},
    {"--uid", "write " AS_USER, NULL},
    {"--gid", "write " AS_USER, NULL},
    {"--unit", "write --name=NAME", NULL},
    {"--scope", "write systemd-run --user --scope dznohup -d COMMAND", NULL},
    {"--property", "write systemd-run itself, or dznohup prlimit ... COMMAND", NULL},
    {"--slice", "write systemd-run --slice=SLICE dznohup -d COMMAND", NULL},
    {"--working-directory", "write -C DIR", NULL},
    {"--same-dir", "write -C .", NULL},
    {"--pty", "leave it out: a daemon has no terminal", NULL},
    {"--collect", "leave it out: dzctl clear forgets what has ended", NULL},
    {"--remain-after-exit", "leave it out: dzctl status shows what has ended", NULL},
    /* docker */
    {"--detach", "write dznohup -d COMMAND", NULL},
    {"--restart-policy", "write --restart or --restart=always", NULL},
    {"--rm", "leave it out: dzctl clear forgets what has ended", NULL},
    {"--workdir", "write -C DIR", NULL},
    {"--init", "write --keep", NULL},
    {"--stop-timeout", "write dzctl stop -t SEC JOB", NULL},
    {"--memory", "write dznohup prlimit --as=BYTES COMMAND", NULL},
    {"--restart=unless-stopped", "write --restart=always: no restart follows a stop",
     NULL},
    {"--restart=never", "leave it out: nothing is restarted unless asked for", NULL},
    /* pm2, forever, supervisord */
    {"--no-autorestart", "leave it out: nothing is restarted unless asked for", NULL},
    {"--max-restarts", "write --restart=on-failure:MAX", NULL},
    {"--restart-delay=*ms", "write seconds: --restart-delay=SEC",
     "--restart-delay=100ms"},
    {"--cwd", "write -C DIR", NULL},
    {"--time", "write --timestamps", NULL},
    {"--watch", "write dznohup -d entr ..., or another watcher, before COMMAND", NULL},
    {"--instances", "start it under several names: --name=web1, --name=web2", NULL},
    /* values */
    {"--wait=[0-9]*", "write --wait=listen:PORT", "--wait=8080"},
    {"--wait=:[0-9]*", "write --wait=listen:PORT", "--wait=:8080"},
    {"--wait=localhost:*", "write --wait=listen:PORT", "--wait=localhost:8080"},
    {"--wait=tcp:*", "write --wait=listen:PORT", "--wait=tcp:8080"},
    {"--wait=http*://*", "write --wait=cmd:'curl -fsS URL'",
     "--wait=http://localhost:8080/"},
    {"--wait=/*", "for a file write --wait=path:FILE, for a socket --wait=listen:PATH",
     "--wait=/run/app.sock"},
    {"--wait=ready", "write --wait=notify, fd:N or log:TEXT, as the program reports it",
     NULL},
    {"--umask=[!0-9]*", "-u is the umask; for a user write " AS_USER,
     "--umask=www-data"},
    {"--timeout=*[smh]", "write seconds, without a unit", "--timeout=10s"},
    /* words in the place of a command */
    {"start", "write dznohup -d --name=NAME COMMAND, or dzctl start JOB", NULL},
    {"stop", "write dzctl stop JOB", NULL},
    {"restart", "write dzctl restart JOB", NULL},
    {"reload", "write dzctl signal HUP JOB", NULL},
    {"status", "write dzctl status JOB", NULL},
    {"list", "write dzctl list", NULL},
    {"ps", "write dzctl list", NULL},
    {"log", "write dzctl log JOB", NULL},
    {"logs", "write dzctl log JOB", NULL},
    {"delete", "write dzctl clear JOB", NULL},
    {"run", "write dznohup -d COMMAND", NULL},
    {"help", "write dznohup --help", NULL},
    {"%*", "to adopt a job of this shell write dznohup --adopt=$(jobs -p %N)", "%1"},
    {"[0-9]*", "to adopt a process write dznohup --adopt=PID", "4711"},
};
enum { HABITS = sizeof habits / sizeof habits[0] };

bool answer_habit(const char *word, const char *before, struct dz_fault *fault)
{
    for (size_t i = 0; i < HABITS; i++) {
        if (fnmatch(habits[i].word, word, 0) != 0)
            continue;
        snprintf(fault->reason, sizeof fault->reason, "%s%s", before, habits[i].answer);
        return true;
    }
    return false;
}
