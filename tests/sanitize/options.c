/*
 * Linked into dznohup and dzctl of make SAN=1: the sanitizers' settings, which
 * cannot be in the environment, as tests clear it.
 *
 * A report goes to a file, since tests read stderr; tests/run looks there.  Leaks
 * are looked for by valgrind: here that fails under strace(1).
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=0:log_path=" DZ_REPORTS;
}
