// A static object whose constructor sets dispositions and forks a worker: built as
// a program, and as a library whose constructors run before those of libdz.so.
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>
#ifndef LIBRARY
#include <cstdio>
#endif

static void on_hangup(int)
{
    static const char line[] = "handler\n";
    if (write(1, line, sizeof line - 1) < 0)
        _exit(1);
}

struct early {
    bool same;
    early()
    {
        struct sigaction now;
        signal(SIGHUP, on_hangup);
        sigaction(SIGHUP, nullptr, &now);
        same = now.sa_handler == on_hangup;
        if (fork() == 0)
            _exit(0);
        wait(nullptr);
    }
};
static early object;

#ifndef LIBRARY
int main()
{
    std::printf("asked back: %s\n", object.same ? "own" : "not own");
    for (;;)
        pause();
}
#endif
