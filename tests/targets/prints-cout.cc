// As prints.c, by std::cout.
#include <cstdio>
#include <iostream>
#include <sys/stat.h>

static void say(const char *after)
{
    struct stat about;

    if (fstat(1, &about) == 0)
        dprintf(2, "%s %ld\n", after, (long)about.st_size);
}

int main()
{
    say("start");
    std::cout << "line\n";
    say("line");
    std::cout << "part";
    say("part");
    std::cout << "\n";
    say("end");
}
