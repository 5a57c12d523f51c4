// A static object's constructor sets SIGHUP to its default; main is hit by one.
#include <csignal>
#include <cstdio>
#include <unistd.h>

struct Early {
    Early() { std::signal(SIGHUP, SIG_DFL); }
};
static Early early;

int main()
{
    kill(getpid(), SIGHUP);
    std::puts("lives");
}
