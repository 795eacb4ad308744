/* Intermud-3 for SMAUG 1.4 to 1.8, SmaugFUSS and AFKMud. The guide beside this file says what to add where.
 *
 * I3_AFKMUD:         AFKMud 2 and later, whose players are a C++ class. Name this file i3_smaug.cpp there.
 * I3_ARGUMENT:       the type of a command's text: const char * in newer SmaugFUSS, otherwise char *.
 * I3_HEAD_COLOUR:    another table of colours: I3_COLOUR_AFKMUD for engines with OVERLANDCODE.
 * I3_STAFF_LEVEL:    who may ban; LEVEL_IMMORTAL otherwise. */
#define I3_IMPLEMENTATION
#include "i3.h"
#define I3_COMMANDS_IMPLEMENTATION
#include "i3_commands.h"

#ifdef I3_AFKMUD
#include "mud.h"
#include "descriptor.h"
#else
#include "mud.h"
#endif

#ifndef I3_STAFF_LEVEL
#define I3_STAFF_LEVEL LEVEL_IMMORTAL
#endif

#ifdef I3_AFKMUD
typedef char_data i3h_char;
typedef descriptor_data i3h_desc;
#ifndef I3_HEAD_COLOUR
#define I3_HEAD_COLOUR I3_COLOUR_AFKMUD
#endif
#else
typedef CHAR_DATA i3h_char;
typedef DESCRIPTOR_DATA i3h_desc;
#ifndef I3_HEAD_COLOUR
#define I3_HEAD_COLOUR I3_COLOUR_SMAUG
#endif
#ifndef I3_ARGUMENT
#define I3_ARGUMENT char *
#endif
#endif

/* A player is a descriptor here; the character may be another one, while an immortal is in a monster's body. */
static i3h_char *i3h_character(void *player)
{
    i3h_desc *d = (i3h_desc *)player;
    return d->original ? d->original : d->character;
}

static int i3h_is_playing(i3h_desc *d)
{
    /* Whoever writes a note or a description is playing too. */
    return d->character && (d->connected == CON_PLAYING || d->connected == CON_EDITING);
}

#ifdef I3_AFKMUD

static void i3h_send(void *player, const char *text)
{
    ((i3h_desc *)player)->character->print(text);
}

static const char *i3h_name(void *player)
{
    /* The class has a string or a pointer, by version: both become a pointer that lives as long as the character. */
    return &i3h_character(player)->name[0];
}

static void *i3h_next(void *player)
{
    std::list<descriptor_data *>::iterator at;
    int is_behind = player == 0;
    for (at = dlist.begin(); at != dlist.end(); ++at) {
        if (is_behind && i3h_is_playing(*at))
            return *at;
        is_behind |= *at == player;
    }
    return 0;
}

static void i3h_log(const char *text)
{
    log_string(text);
}

#else

static void i3h_send(void *player, const char *text)
{
    send_to_char(text, ((i3h_desc *)player)->character);
}

static const char *i3h_name(void *player)
{
    return i3h_character(player)->name;
}

static void *i3h_next(void *player)
{
    i3h_desc *d = player ? ((i3h_desc *)player)->next : first_descriptor;
    while (d && !i3h_is_playing(d))
        d = d->next;
    return d;
}

static void i3h_log(const char *text)
{
    log_string_plus(text, LOG_NORMAL, LEVEL_IMMORTAL);
}

#endif

static int i3h_is_staff(void *player)
{
    return i3h_character(player)->level >= I3_STAFF_LEVEL;
}

static int i3h_describe(void *player, i3_user *user)
{
    i3h_char *ch = i3h_character(player);
#ifndef I3_AFKMUD
    user->title = ch->pcdata ? ch->pcdata->title : 0;
#endif
    user->level = ch->level;
    user->idle = (long)ch->timer * 60;
    return ch->pcdata && ch->pcdata->wizinvis == 0;
}

void i3mud_boot(const char *settings)
{
    i3_config config;
    i3_config_init(&config);
    config.colour = I3_HEAD_COLOUR;
    config.typed_colours = 1;
    i3mud_start(&config, "smaug", settings);
}

static void i3h_do(i3h_char *ch, int command, const char *argument)
{
    if (ch->desc)
        i3mud_command(ch->desc, command, argument);
}

/* Each command has a function; AFKMud finds it by its name in the program. */
#ifdef I3_AFKMUD
#define I3_DO(name, command)                      \
    CMDF(name)                                    \
    {                                             \
        i3h_do(ch, command, &std::string(argument)[0]); \
    }
#else
#define I3_DO(name, command)                      \
    void name(i3h_char *ch, I3_ARGUMENT argument) \
    {                                             \
        i3h_do(ch, command, argument);            \
    }
#endif

#if defined(__cplusplus) && !defined(I3_AFKMUD)
extern "C" {
#endif
I3_DO(do_i3, I3CMD_I3)
I3_DO(do_i3chat, I3CMD_CHAT)
I3_DO(do_i3tell, I3CMD_TELL)
I3_DO(do_i3reply, I3CMD_REPLY)
I3_DO(do_i3who, I3CMD_WHO)
I3_DO(do_i3finger, I3CMD_FINGER)
I3_DO(do_i3locate, I3CMD_LOCATE)
I3_DO(do_i3mudlist, I3CMD_MUDLIST)
I3_DO(do_i3chanlist, I3CMD_CHANLIST)
I3_DO(do_i3listen, I3CMD_LISTEN)
I3_DO(do_i3ignore, I3CMD_IGNORE)
I3_DO(do_i3ban, I3CMD_BAN)
I3_DO(do_i3beep, I3CMD_BEEP)
I3_DO(do_i3emote, I3CMD_EMOTE)
#if defined(__cplusplus) && !defined(I3_AFKMUD)
}
#endif
