/* Intermud-3 for tbaMUD (3.62 and later), LuminariMUD and CircleMUD 3.x. The guide beside this file says what to add where.
 *
 * I3_CIRCLE:        CircleMUD 3.x: & begins a colour code (with a colour patch), or define I3_HEAD_COLOUR I3_COLOUR_NONE.
 * I3_HEAD_COLOUR:   another table of colours, such as I3_COLOUR_TBA for tbaMUD to 3.61.
 * I3_STAFF_LEVEL:   who may ban; LVL_GOD otherwise, in LuminariMUD LVL_STAFF. */
#define I3_IMPLEMENTATION
#include "i3.h"
#define I3_COMMANDS_IMPLEMENTATION
#include "i3_commands.h"

#include "conf.h"
#include "sysdep.h"

#include "structs.h"
#include "utils.h"
#include "comm.h"
#include "interpreter.h"
#include "db.h"

#ifndef I3_HEAD_COLOUR
#ifdef I3_CIRCLE
#define I3_HEAD_COLOUR I3_COLOUR_CIRCLE
#else
#define I3_HEAD_COLOUR I3_COLOUR_TAB
#endif
#endif
#ifndef I3_STAFF_LEVEL
#ifdef LVL_GOD
#define I3_STAFF_LEVEL LVL_GOD
#else
#define I3_STAFF_LEVEL LVL_STAFF /* LuminariMUD */
#endif
#endif

#ifdef ACMD_DECL /* LuminariMUD: its ACMD also begins a function */
ACMD_DECL(do_i3);
#else
ACMD(do_i3);
#endif

/* A player is a descriptor here; the character may be another one, while an immortal is in a monster's body. */
static struct char_data *i3h_character(void *player)
{
    struct descriptor_data *d = (struct descriptor_data *)player;
    return d->original ? d->original : d->character;
}

static void i3h_send(void *player, const char *text)
{
    send_to_char(((struct descriptor_data *)player)->character, "%s", text);
}

static const char *i3h_name(void *player)
{
    return GET_NAME(i3h_character(player));
}

static int i3h_is_staff(void *player)
{
    return GET_LEVEL(i3h_character(player)) >= I3_STAFF_LEVEL;
}

/* Whoever edits something is playing too; tbaMUD has a macro that knows all those states. */
static int i3h_is_playing(struct descriptor_data *d)
{
#ifdef IS_PLAYING
    return IS_PLAYING(d);
#else
    return STATE(d) == CON_PLAYING;
#endif
}

static void *i3h_next(void *player)
{
    struct descriptor_data *d = player ? ((struct descriptor_data *)player)->next : descriptor_list;
    while (d && (!i3h_is_playing(d) || !d->character))
        d = d->next;
    return d;
}

static int i3h_describe(void *player, i3_user *user)
{
    struct char_data *ch = i3h_character(player);
    user->title = GET_TITLE(ch);
    user->level = GET_LEVEL(ch);
    user->idle = (long)ch->char_specials.timer * SECS_PER_MUD_HOUR;
    user->login_time = (long)((struct descriptor_data *)player)->login_time;
    return GET_INVIS_LEV(ch) == 0;
}

static void i3h_log(const char *text)
{
    basic_mud_log("%s", text);
}

void i3mud_boot(const char *settings)
{
    i3_config config;
    i3_config_init(&config);
    config.colour = I3_HEAD_COLOUR;
    config.typed_dollars = 1;
    i3mud_start(&config, "tbamud", settings);
}

/* All commands: `subcmd` is one of I3CMD_... */
ACMD(do_i3)
{
    (void)cmd;
    if (IS_NPC(ch) && !(ch->desc && ch->desc->original))
        return;
    if (ch->desc)
        i3mud_command(ch->desc, subcmd, argument);
}
