/*
 * The values of -o, -e and -i: each is parsed once, to a kind and a text.
 */
#include "plan.h"

#include <string.h>

int dz_parse_output(void *field, const char *value, struct dz_fault *fault)
{
    struct dz_output *output = field;

    if (*value == '\0')
        return dz_fault(fault, NULL, NULL, 0, "empty");
    output->kind = strcmp(value, "-") == 0 ? DZ_OUTPUT_KEEP : DZ_OUTPUT_FILE;
    output->text = value;
    return 0;
}

const char *dz_show_output(const void *field, char *scratch)
{
    const struct dz_output *output = field;

    (void)scratch;
    return output->kind == DZ_OUTPUT_UNSET ? NULL : output->text;
}
