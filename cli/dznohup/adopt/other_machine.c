/*
 * A machine whose registers are not known here: --adopt is refused.
 */
#include "machine.h"

#include <errno.h>
#include <string.h>

#if !defined __x86_64__ && !defined __aarch64__

int read_registers(pid_t tid, struct registers *registers)
{
    (void)tid;
    memset(registers, 0, sizeof *registers);
    errno = ENOSYS;
    return -1;
}

int write_registers(pid_t tid, const struct registers *registers)
{
    (void)tid;
    (void)registers;
    errno = ENOSYS;
    return -1;
}

bool is_wide(const struct registers *registers)
{
    (void)registers;
    return true;
}

long interrupted_call(const struct registers *registers)
{
    (void)registers;
    return -1;
}

long call_result(const struct registers *registers)
{
    (void)registers;
    return 0;
}

uint64_t call_argument(const struct registers *registers, int number)
{
    (void)registers;
    (void)number;
    return 0;
}

void set_call_argument(struct registers *registers, int number, uint64_t value)
{
    (void)registers;
    (void)number;
    (void)value;
}

const struct timed_call timed_calls[] = {{0, false, 0, TIME_NONE, 0}};

bool has_closed(const struct registers *registers)
{
    (void)registers;
    return false;
}

void make_again(struct registers *registers)
{
    (void)registers;
}

uint64_t stack_pointer(const struct registers *registers)
{
    (void)registers;
    return 0;
}

void begin_code(struct registers *registers, uint64_t code, uint64_t rows,
                uint64_t frame)
{
    (void)registers;
    (void)code;
    (void)rows;
    (void)frame;
}

uint64_t current_row(const struct registers *registers)
{
    (void)registers;
    return 0;
}

bool is_code(const struct registers *registers, uint64_t code)
{
    (void)registers;
    (void)code;
    return false;
}

size_t code_room(void)
{
    return 0;
}

const unsigned char *machine_code(bool wide, size_t *size)
{
    (void)wide;
    *size = 0;
    return NULL;
}

long call_number(enum remote_call call, bool wide)
{
    (void)call;
    (void)wide;
    return -1;
}

size_t red_zone(void)
{
    return 0;
}

size_t make_frame(pid_t tid, const struct registers *registers, uint64_t mask,
                  uint64_t *address, unsigned char *frame)
{
    (void)tid;
    (void)registers;
    (void)mask;
    (void)address;
    (void)frame;
    return 0;
}

#endif
