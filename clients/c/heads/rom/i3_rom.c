/* Intermud-3 for ROM 2.4, QuickMUD and other descendants of ROM. The guide beside this file says what to add where.
 *
 * I3_STAFF_LEVEL:  who may ban; LEVEL_IMMORTAL otherwise.
 * I3_HEAD_COLOUR:  another table of colours, such as I3_COLOUR_NONE for a ROM without colours. */
#define I3_IMPLEMENTATION
#include "i3.h"
#define I3_COMMANDS_IMPLEMENTATION
#include "i3_commands.h"

#include "merc.h"

#ifndef I3_HEAD_COLOUR
#define I3_HEAD_COLOUR I3_COLOUR_ROM
#endif
#ifndef I3_STAFF_LEVEL
#define I3_STAFF_LEVEL LEVEL_IMMORTAL
#endif

/* A player is a descriptor here; the character may be another one, while an immortal is in a monster's body. */
static CHAR_DATA *i3h_character(void *player)
{
    DESCRIPTOR_DATA *d = (DESCRIPTOR_DATA *)player;
    return d->original ? d->original : d->character;
}

static void i3h_send(void *player, const char *text)
{
    send_to_char(text, ((DESCRIPTOR_DATA *)player)->character);
}

static const char *i3h_name(void *player)
{
    return i3h_character(player)->name;
}

static int i3h_is_staff(void *player)
{
    return i3h_character(player)->level >= I3_STAFF_LEVEL;
}

static void *i3h_next(void *player)
{
    DESCRIPTOR_DATA *d = player ? ((DESCRIPTOR_DATA *)player)->next : descriptor_list;
    while (d && (d->connected != CON_PLAYING || !d->character))
        d = d->next;
    return d;
}

static int i3h_describe(void *player, i3_user *user)
{
    CHAR_DATA *ch = i3h_character(player);
    user->title = ch->pcdata ? ch->pcdata->title : 0;
    user->level = ch->level;
    user->idle = (long)ch->timer * 60;
    user->login_time = (long)ch->logon;
    return ch->invis_level == 0;
}

static void i3h_log(const char *text)
{
    char line[700];
    sprintf(line, "%.600s", text);
    log_string(line);
}

void i3mud_boot(const char *settings)
{
    i3_config config;
    i3_config_init(&config);
    config.colour = I3_HEAD_COLOUR;
    config.typed_colours = 1;
    i3mud_start(&config, "rom", settings);
}

/* ROM's table of commands has no number for a command: each has a function. */
static void i3h_do(CHAR_DATA *ch, int command, const char *argument)
{
    if (ch->desc)
        i3mud_command(ch->desc, command, argument);
}

#define I3_DO(name, command)                 \
    void name(CHAR_DATA *ch, char *argument) \
    {                                        \
        i3h_do(ch, command, argument);       \
    }

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
