/* Linked into libdz.so of the coverage build, behind the constructor that makes the
 * program a daemon: most daemons are killed, and never write what was counted. */
void flush_counters(void);

__attribute__((constructor)) static void loaded(void)
{
    flush_counters();
}
