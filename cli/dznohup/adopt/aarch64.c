/*
 * aarch64: programs of 64 bits.
 *
 * When a thread stops, the kernel has forgotten the number of its call.  If the call is
 * to be made again, the registers are already those from before the call.  A program's
 * own code has that number still, in x8.
 *
 * The remaining time of nanosleep(2) and futex(2) is the kernel's.  The kernel goes on
 * with it by restart_syscall(2), unless we change the registers at the first stop.  So
 * the thread first goes on to the begin of that call, leave_call().
 */
#include "machine.h"

#if defined __aarch64__

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum {
    CALL_NUMBER = 0x404, /* NT_ARM_SYSTEM_CALL */
    INSTRUCTION = 4,
    NUMBER = 8, /* the register of a call's number */
    RESTART_SYSCALL = 128,
    CALL_STOP = SIGTRAP | 0x80 /* PTRACE_O_TRACESYSGOOD */
};

/* svc #0 */
static const uint32_t call_instruction = 0xd4000001;

/* The trap flag for one instruction, and the kind of the last branch. */
static const uint64_t stepping = UINT64_C(1) << 21 | UINT64_C(3) << 10;

/*
 * x19 points to a row.  Each is 80 bytes: number, six arguments, result, the address of
 * argument 0, the next row after an error.  A negative number ends the code, and x20
 * points to the frame.  The stack is below the rows.
 */
__asm__(".pushsection .rodata\n"
        "code_begins:\n"
        "1: ldr x8, [x19]\n"
        "   tbnz x8, #63, 4f\n"
        "   ldp x0, x1, [x19, #8]\n"
        "   ldp x2, x3, [x19, #24]\n"
        "   ldp x4, x5, [x19, #40]\n"
        "   ldr x9, [x19, #64]\n"
        "   cbz x9, 2f\n"
        "   ldr w0, [x9]\n"
        "2: svc #0\n"
        "   str x0, [x19, #56]\n"
        "   cmn x0, #4095\n"
        "   b.hs 3f\n"
        "   add x19, x19, #80\n"
        "   b 1b\n"
        "3: ldr x19, [x19, #72]\n"
        "   b 1b\n"
        "4: mov sp, x20\n"
        "   mov x8, #139\n" /* rt_sigreturn */
        "   svc #0\n"
        "code_ends:\n"
        ".popsection\n");

/* Hidden: some assemblers make one address of two local symbols in the table of global
 * offsets. */
extern const unsigned char code_begins[] __attribute__((visibility("hidden")));
extern const unsigned char code_ends[] __attribute__((visibility("hidden")));

static const short numbers[REMOTE_CALLS] = {
    [CALL_OPENAT] = SYS_openat,
    [CALL_FCNTL] = SYS_fcntl,
    [CALL_DUP3] = SYS_dup3,
    [CALL_CLOSE] = SYS_close,
    [CALL_SIGACTION] = SYS_rt_sigaction,
    [CALL_SETPGID] = SYS_setpgid,
    [CALL_SETSID] = SYS_setsid,
    [CALL_IOCTL] = SYS_ioctl,
    [CALL_UMASK] = SYS_umask,
    [CALL_FCHDIR] = SYS_fchdir,
    [CALL_LSEEK] = SYS_lseek,
    [CALL_EPOLL_CTL] = SYS_epoll_ctl,
    [CALL_KILL] = SYS_kill,
    [CALL_SIGPROCMASK] = SYS_rt_sigprocmask,
};

const unsigned char *machine_code(bool wide, size_t *size)
{
    (void)wide;
    *size = (size_t)(code_ends - code_begins);
    return code_begins;
}

size_t code_room(void)
{
    return ((size_t)(code_ends - code_begins) + 7) & ~(size_t)7;
}

bool is_code(const struct registers *registers, uint64_t code)
{
    return registers->raw.pc >= code && registers->raw.pc < code + code_room();
}

long call_number(enum remote_call call, bool wide)
{
    (void)wide;
    return numbers[call];
}

size_t red_zone(void)
{
    return 0;
}

/* ---- registers ---- */

/* Returns whether the instruction at that address makes a call. */
static bool makes_call(pid_t tid, uint64_t at)
{
    unsigned long words;

    return trace(PTRACE_PEEKTEXT, tid, (void *)(uintptr_t)(at & ~UINT64_C(7)),
                 &words) == 0 &&
           (uint32_t)(words >> (at & 4) * 8) == call_instruction;
}

static int set_call(pid_t tid, int number)
{
    struct iovec call = {&number, sizeof number};

    return trace(PTRACE_SETREGSET, tid, (void *)CALL_NUMBER, &call) < 0 ? -1 : 0;
}

/* The kernel does not show argument 0 any more, whose register holds the result.  A
 * thread that waits at one place again and again has the same there: one epoll, one
 * set of signals. */
void recall(struct registers *registers, const struct waited_call *waited)
{
    if (registers->at_call || waited->number < 0 ||
        registers->raw.x[NUMBER] != (uint64_t)waited->number ||
        registers->raw.pc != waited->next || registers->raw.sp != waited->stack)
        return;
    registers->call = waited->number;
    registers->first = waited->first;
}

int read_registers(pid_t tid, struct registers *registers)
{
    struct iovec all = {&registers->raw, sizeof registers->raw};

    if (trace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &all) < 0)
        return -1;
    if (all.iov_len != sizeof registers->raw) {
        errno = EOPNOTSUPP; /* it is of 32 bits */
        return -1;
    }
    registers->at_call = makes_call(tid, registers->raw.pc);
    registers->skips = false;
    registers->call = -1;
    registers->first = 0;
    return 0;
}

int write_registers(pid_t tid, const struct registers *registers)
{
    struct registers copy = *registers;
    struct iovec all = {&copy.raw, sizeof copy.raw};

    if (trace(PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &all) < 0)
        return -1;
    return copy.skips ? set_call(tid, -1) : 0;
}

bool is_wide(const struct registers *registers)
{
    (void)registers;
    return true;
}

long interrupted_call(const struct registers *registers)
{
    return registers->at_call ? (long)registers->raw.x[NUMBER] : (long)registers->call;
}

/* That of a call to be made again is not there any more. */
long call_result(const struct registers *registers)
{
    return registers->at_call ? 0 : (long)registers->raw.x[0];
}

uint64_t call_argument(const struct registers *registers, int number)
{
    return number == 0 && !registers->at_call ? registers->first
                                              : registers->raw.x[number];
}

void set_call_argument(struct registers *registers, int number, uint64_t value)
{
    if (number == 0)
        registers->first = value;
    else
        registers->raw.x[number] = value;
}

const struct timed_call timed_calls[] = {
    {SYS_epoll_pwait, true, 3, TIME_MILLISECONDS, 0},
    {441, true, 3, TIME_WIDE, 0}, /* epoll_pwait2 */
    {SYS_semtimedop, true, 3, TIME_WIDE, 0},
    {SYS_rt_sigtimedwait, true, 2, TIME_WIDE, 0},
    {SYS_io_getevents, true, 4, TIME_WIDE, 0},
    {292, true, 4, TIME_WIDE, 0}, /* io_pgetevents */
    {0, false, 0, TIME_NONE, 0},
};

bool has_closed(const struct registers *registers)
{
    return registers->call == SYS_close;
}

void make_again(struct registers *registers)
{
    registers->raw.pc -= INSTRUCTION;
    registers->raw.x[0] = registers->first;
    registers->at_call = true;
    registers->call = -1;
}

uint64_t stack_pointer(const struct registers *registers)
{
    return registers->raw.sp;
}

void begin_code(struct registers *registers, uint64_t code, uint64_t rows,
                uint64_t frame)
{
    registers->raw.pc = code;
    registers->raw.x[19] = rows;
    registers->raw.x[20] = frame;
    registers->raw.sp = rows; /* a handler's frame is below them */
    registers->raw.pstate &= ~stepping;
}

uint64_t current_row(const struct registers *registers)
{
    return registers->raw.x[19];
}

/* ---- the time that is left ---- */

/* Returns whether the kernel may keep what is left of the time of the call that the
 * thread is about to make. */
static bool may_keep_time(const struct registers *registers)
{
    uint64_t number = registers->raw.x[NUMBER];

    return registers->at_call && (number == SYS_nanosleep ||
                                  number == SYS_clock_nanosleep || number == SYS_futex);
}

/* Takes a signal that came first: the thread stops at the begin of its handler. */
static int pass_signal(pid_t tid, int signal, struct registers *registers)
{
    int status;

    do {
        if (trace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 ||
            trace(PTRACE_CONT, tid, NULL, (void *)(intptr_t)signal) < 0 ||
            await_status(tid, &status, __WALL) < 0 || !WIFSTOPPED(status))
            return -1;
        signal = status >> 16 != 0 ? 0 : WSTOPSIG(status);
    } while (status >> 16 != PTRACE_EVENT_STOP);
    return read_registers(tid, registers);
}

int leave_call(pid_t tid, struct registers *registers)
{
    struct registers entered;
    int status;

    while (may_keep_time(registers)) {
        if (trace(PTRACE_SYSCALL, tid, NULL, NULL) < 0 ||
            await_status(tid, &status, __WALL) < 0 || !WIFSTOPPED(status))
            return -1;
        if (status >> 16 != 0)
            continue; /* a stop signal, which has stopped it already */
        if (WSTOPSIG(status) != CALL_STOP) {
            if (pass_signal(tid, WSTOPSIG(status), registers) < 0)
                return -1;
            continue;
        }
        if (read_registers(tid, &entered) < 0)
            return -1;
        /* restart_syscall if the call is one to go on with, else the call itself. */
        registers->raw.x[NUMBER] = entered.raw.x[NUMBER];
        registers->skips = true;
        break;
    }
    return 0;
}

#endif
