/*
 * A library that compares shim_next_symbol with what dlsym(3) finds in libc, for the
 * names in NAMES.  It says which differ, and how many both found.
 *
 * RTLD_NEXT is no measure: before glibc 2.36 it finds the oldest version.
 */
#include "shim.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((constructor)) static void compare(void)
{
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    int found = 0;

    for (char *name = strtok(getenv("NAMES"), " "); name != NULL;
         name = strtok(NULL, " ")) {
        void *next = dlsym(libc, name);
        if (next != shim_next_symbol(name))
            printf("differs: %s\n", name);
        else if (next != NULL)
            found++;
    }
    printf("found %d\n", found);
}
