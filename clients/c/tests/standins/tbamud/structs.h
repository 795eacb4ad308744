/* Stand-in for tbaMUD's header of the same name: what heads/tbamud uses, as it is declared there. */
#ifndef _STRUCTS_H_
#define _STRUCTS_H_
typedef signed char sbyte;
typedef unsigned char ubyte;
typedef signed short int sh_int;
typedef int socket_t;
#ifndef __cplusplus
typedef char bool;
#endif
#define LVL_IMPL 34
#define LVL_GRGOD 33
#ifdef STANDIN_LUMINARI
#define LVL_STAFF 32
#else
#define LVL_GOD 32
#endif
#define LVL_IMMORT 31
#define CON_PLAYING 0
#define CON_CLOSE 1
#define CON_GET_NAME 2
#define POS_DEAD 0
#define MOB_ISNPC 3
#define SECS_PER_MUD_HOUR 75
struct char_player_data {
    char *name;
    char *short_descr;
    char *title;
    ubyte level;
};
struct char_special_data {
    int timer;
    long act;
};
struct player_special_data_saved {
    sh_int invis_level;
};
struct player_special_data {
    struct player_special_data_saved saved;
};
struct char_data {
    struct char_player_data player;
    struct char_special_data char_specials;
    struct player_special_data *player_specials;
    struct descriptor_data *desc;
    struct char_data *next;
};
struct descriptor_data {
    socket_t descriptor;
    int connected;
    time_t login_time;
    struct char_data *character;
    struct char_data *original;
    struct descriptor_data *next;
};
#endif
