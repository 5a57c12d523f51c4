/* A process that has given itself any name: what /proc tells of it is read right. */
#include <signal.h>
#include <sys/prctl.h>

#include "../../cli/dzctl/inspect/inspect.h"
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct dz_process process;
    struct signals signals;
    char *name = take_word(&input);

    CHECK(prctl(PR_SET_NAME, name) == 0); /* its first 15 bytes */
    CHECK(dz_read_process(getpid(), &process) == 0);
    CHECK(process.pid == getpid() && process.ppid == getppid());
    CHECK(process.pgrp == getpgrp() && process.session == getsid(0));
    CHECK(process.state == 'R' && process.threads >= 1 && process.start > 0);
    CHECK(!dz_has_ended(&process) && dz_is_running(getpid()));
    CHECK(signals_read(getpid(), &signals) == 0);
    CHECK(has_signal(signals.ignored, SIGPIPE));
    free(name);
    return 0;
}
