/* Stand-in for tbaMUD's header of the same name: what heads/tbamud uses, as it is declared there. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
