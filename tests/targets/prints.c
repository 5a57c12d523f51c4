/*
 * Prints a line, a part of one and its end, and says on stderr after each how
 * much of that the file on stdout has by then.
 */
#include <stdio.h>
#include <sys/stat.h>

static void say(const char *after)
{
    struct stat about;

    if (fstat(1, &about) == 0)
        dprintf(2, "%s %ld\n", after, (long)about.st_size);
}

int main(void)
{
    say("start");
    printf("line\n");
    say("line");
    printf("part");
    say("part");
    printf("\n");
    say("end");
    return 0;
}
