/* dlopens the library named as its argument and prints its session. */
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 2 || dlopen(argv[1], RTLD_NOW) == NULL)
        return 1;
    printf("pid %ld session %ld\n", (long)getpid(), (long)getsid(0));
    return 0;
}
