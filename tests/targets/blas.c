/*
 * Linked with OpenBLAS, whose constructor starts threads: multiplies matrices
 * large enough for them to be used, prints "sum S threads N", and waits.
 */
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

extern void cblas_dgemm(int, int, int, int, int, int, double, const double *, int,
                        const double *, int, double, double *, int);

enum { N = 500 };
static double a[N * N], b[N * N], c[N * N];

int main(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int threads = 0;
    double sum = 0;

    while (readdir(tasks) != NULL)
        threads++;
    for (int i = 0; i < N * N; i++)
        a[i] = b[i] = 1;
    cblas_dgemm(101, 111, 111, N, N, N, 1, a, N, b, N, 0, c, N);
    for (int i = 0; i < N * N; i++)
        sum += c[i];
    printf("sum %.0f threads %d\n", sum, threads - 2);
    fflush(stdout);
    for (;;)
        pause();
}
