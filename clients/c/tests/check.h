/* What the tests in C use: each check prints where it failed, and the program then ends with 1. */
#ifndef I3_TESTS_CHECK_H
#define I3_TESTS_CHECK_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_at(const char *file, int line, int is_right, const char *what)
{
    if (is_right)
        return;
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    exit(1);
}

#ifdef __GNUC__
__attribute__((unused))
#endif
static void equal_at(const char *file, int line, const char *got, const char *wanted)
{
    if (strcmp(got, wanted) == 0)
        return;
    fprintf(stderr, "%s:%d: got    <%s>\n%s:%d: wanted <%s>\n", file, line, got, file, line, wanted);
    exit(1);
}

#define CHECK(what) check_at(__FILE__, __LINE__, (what) != 0, #what)
#define EQUAL(got, wanted) equal_at(__FILE__, __LINE__, got, wanted)
#endif
