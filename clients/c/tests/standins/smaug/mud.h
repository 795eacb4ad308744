/* Stand-in for SMAUG's header of the same name: what heads/smaug uses, as it is declared there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

typedef short int sh_int;
#ifndef __cplusplus
typedef unsigned char bool;
#endif
#define MAX_LEVEL 65
#define LEVEL_IMMORTAL (MAX_LEVEL - 14)
#define LOG_NORMAL 0
#ifndef I3_ARGUMENT
#define I3_ARGUMENT char *
#endif
#ifdef __cplusplus
#define DECLARE_DO_FUN(fun) extern "C" DO_FUN fun
#else
#define DECLARE_DO_FUN(fun) DO_FUN fun
#endif

typedef struct char_data CHAR_DATA;
typedef struct descriptor_data DESCRIPTOR_DATA;
typedef struct pc_data PC_DATA;
typedef void DO_FUN(CHAR_DATA *ch, I3_ARGUMENT argument);
typedef enum { CON_GET_NAME = -99, CON_PLAYING = 0, CON_EDITING } connection_types;

struct descriptor_data {
    DESCRIPTOR_DATA *next;
    DESCRIPTOR_DATA *prev;
    CHAR_DATA *character;
    CHAR_DATA *original;
    int descriptor;
    short connected;
};
struct pc_data {
    char *title;
    short wizinvis;
};
struct char_data {
    CHAR_DATA *next;
    DESCRIPTOR_DATA *desc;
    PC_DATA *pcdata;
    char *name;
    short level;
    short timer;
};

extern DESCRIPTOR_DATA *first_descriptor;
void send_to_char(const char *txt, CHAR_DATA *ch);
void log_string_plus(const char *str, short log_type, short level);
