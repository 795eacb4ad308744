/* Stand-in for ROM's header of the same name: what heads/rom uses, as it is declared there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#define args(list) list
#define DECLARE_DO_FUN(fun) DO_FUN fun
typedef short int sh_int;
#ifndef __cplusplus
typedef unsigned char bool;
#endif
#define MAX_LEVEL 60
#define LEVEL_IMMORTAL (MAX_LEVEL - 8)
#define POS_DEAD 0
#define LOG_NORMAL 0
#define CON_PLAYING 0
#define CON_GET_NAME 1

typedef struct char_data CHAR_DATA;
typedef struct descriptor_data DESCRIPTOR_DATA;
typedef struct pc_data PC_DATA;
typedef void DO_FUN args((CHAR_DATA * ch, char *argument));

struct descriptor_data {
    DESCRIPTOR_DATA *next;
    CHAR_DATA *character;
    CHAR_DATA *original;
    sh_int descriptor;
    sh_int connected;
};
struct pc_data {
    char *title;
};
struct char_data {
    CHAR_DATA *next;
    DESCRIPTOR_DATA *desc;
    PC_DATA *pcdata;
    char *name;
    char *short_descr;
    sh_int level;
    time_t logon;
    sh_int timer;
    sh_int invis_level;
    long act;
};

extern DESCRIPTOR_DATA *descriptor_list;
void send_to_char args((const char *txt, CHAR_DATA *ch));
void log_string args((const char *str));
