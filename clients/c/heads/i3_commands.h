/* i3_commands.h - the commands of players, on i3.h: i3, i3chat, i3tell, i3reply, i3who, i3finger, i3locate, i3mudlist,
 * i3chanlist, i3listen, i3ignore, i3ban, i3beep, i3emote.
 *
 * A head for an engine (tbamud, rom, smaug) includes this file with I3_COMMANDS_IMPLEMENTATION, and supplies the six
 * functions below that know the engine. Everywhere else only include it: it then has the numbers of the commands for the
 * engine's command table, and the three functions that the engine calls.
 *
 * Nothing has to be told about players who come, save or leave: i3mud_pulse looks once a second who is playing. Each
 * player's switches are a small file of their own (<data>/<name>.i3), written when they change. */
#ifndef I3_COMMANDS_H
#define I3_COMMANDS_H

#ifdef __cplusplus
extern "C" {
#endif

/* For the engine's command table. */
enum {
    I3CMD_I3, I3CMD_CHAT, I3CMD_TELL, I3CMD_REPLY, I3CMD_WHO, I3CMD_FINGER, I3CMD_LOCATE, I3CMD_MUDLIST, I3CMD_CHANLIST,
    I3CMD_LISTEN, I3CMD_IGNORE, I3CMD_BAN, I3CMD_BEEP, I3CMD_EMOTE
};

/* When the game has booted: reads the file of settings. Without the file, Intermud-3 stays off, and the log says so. */
void i3mud_boot(const char *settings);
/* In each turn of the game loop. */
void i3mud_pulse(void);
/* In place of a select() that waits for the first player: returns when `mother` can be read, or a signal came. The game
 * goes on answering the network meanwhile. */
void i3mud_sleep(int mother);
/* When the game ends. */
void i3mud_end(void);

#ifdef __cplusplus
}
#endif
#endif /* I3_COMMANDS_H */

#ifdef I3_COMMANDS_IMPLEMENTATION
#ifndef I3_COMMANDS_IMPLEMENTED
#define I3_COMMANDS_IMPLEMENTED

#include "i3.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Channels of the game; the network has more, the game listens to those of its settings. */
#define I3MUD_CHANNELS_MAX 16
/* Players whose switches are in memory. With more, those who come last have the defaults, and cannot change them. */
#define I3MUD_PLAYERS_MAX 256
/* Entries on the list of those whom a player ignores; the bytes of one. */
#define I3MUD_IGNORES_MAX 16
#define I3MUD_PATTERN_BYTES 96
/* Lines of a channel that a player is shown at login; of one answer to a command. */
#define I3MUD_HISTORY_LINES 5
#define I3MUD_LIST_LINES 60
/* Seconds that who, finger and locate wait for the other mud. */
#define I3MUD_WAIT_SECONDS 15
/* Bytes of a line for a player. */
#define I3MUD_LINE_BYTES 9000

/* ---- What the head supplies. A `player` is whatever the head takes for one; it is never kept. ---- */

/* Sends a text as it is: it ends with "\r\n", and must not be taken for a format. */
static void i3h_send(void *player, const char *text);
static const char *i3h_name(void *player);
/* Whether the player may use i3ban, and i3 join and i3 leave. */
static int i3h_is_staff(void *player);
/* The next one of those who are playing; the first after 0. */
static void *i3h_next(void *player);
/* Fills in what the network may know of a player. Returns 0 if the player is not to be seen. */
static int i3h_describe(void *player, i3_user *user);
static void i3h_log(const char *text);

/* ---- State ---- */

typedef struct i3mud_player {
    char name[64]; /* empty: free */
    int is_here, is_muted, no_colour, no_beep, no_history;
    unsigned long off; /* one bit for each channel that is switched off */
    char ignores[I3MUD_IGNORES_MAX][I3MUD_PATTERN_BYTES];
    int ignore_count;
    char reply_user[I3_NAME_BYTES], reply_mud[I3_NAME_BYTES];
    i3_id seen; /* the last line of a channel */
} i3mud_player;

static struct {
    i3 *net;
    char data[256], key[512], host[256], client[128];
    int port, latin1;
    char channels[I3MUD_CHANNELS_MAX][I3_CHANNEL_BYTES];
    int channel_count;
    i3mud_player players[I3MUD_PLAYERS_MAX];
    i3_id seen;
    time_t looked;
} i3mud;

static void i3mud_copy(char *out, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size)
        length = size - 1;
    memcpy(out, text, length);
    out[length] = 0;
}

/* A line that is put together. What does not fit is left out. */
typedef struct i3mud_line {
    char text[I3MUD_LINE_BYTES];
    size_t length;
} i3mud_line;

static void i3mud_add(i3mud_line *line, const char *text)
{
    size_t length = strlen(text), room = sizeof line->text - 3 - line->length;
    if (length > room)
        length = room;
    memcpy(line->text + line->length, text, length);
    line->length += length;
    line->text[line->length] = 0;
}

/* A text of this file: in UTF-8, with colours in ANSI. */
static void i3mud_add_own(i3mud_line *line, const char *text)
{
    char shown[1024];
    i3_show(i3mud.net, text, shown, sizeof shown, 0);
    i3mud_add(line, shown);
}

static void i3mud_add_json(i3mud_line *line, i3_json value)
{
    char shown[2048];
    if (i3_json_type(value) == '0')
        sprintf(shown, "%.0f", i3_json_number(value, 0));
    else
        i3_show_json(i3mud.net, value, shown, sizeof shown, 0);
    i3mud_add(line, shown);
}

static void i3mud_add_number(i3mud_line *line, double number)
{
    char text[40];
    sprintf(text, "%.0f", number);
    i3mud_add(line, text);
}

/* A colour begins, or ends with -1, unless the player wants none. */
static void i3mud_add_colour(i3mud_line *line, int colour, int no_colour)
{
    char code[8];
    i3_colour(i3mud.net, colour, code);
    if (!no_colour)
        i3mud_add(line, code);
}

static void i3mud_clear(i3mud_line *line)
{
    line->length = 0;
    line->text[0] = 0;
}

static void i3mud_tell_line(void *player, i3mud_line *line)
{
    memcpy(line->text + line->length, "\r\n", 3);
    i3h_send(player, line->text);
}

/* Says something of this file's own to a player. */
static void i3mud_say(void *player, const char *a, const char *b, const char *c)
{
    i3mud_line line;
    i3mud_clear(&line);
    i3mud_add_own(&line, a);
    i3mud_add_own(&line, b);
    i3mud_add_own(&line, c);
    i3mud_tell_line(player, &line);
}

static void *i3mud_find(const char *name)
{
    void *player;
    for (player = i3h_next(0); player; player = i3h_next(player))
        if (i3_same_name(i3h_name(player), name))
            return player;
    return 0;
}

static int i3mud_channel(const char *name)
{
    int i;
    for (i = 0; i < i3mud.channel_count; i++)
        if (i3mud.channels[i][0] && i3_same_name(i3mud.channels[i], name))
            return i;
    return -1;
}

/* The first channel, or -1 if the game listens to none. */
static int i3mud_first_channel(void)
{
    int i;
    for (i = 0; i < i3mud.channel_count; i++)
        if (i3mud.channels[i][0])
            return i;
    return -1;
}

/* Keeps a channel in the first place that is free. The places of the others stay: players' switches are known by them. */
static int i3mud_add_channel(const char *name)
{
    int i;
    for (i = 0; i < i3mud.channel_count && i3mud.channels[i][0]; i++)
        ;
    if (i >= I3MUD_CHANNELS_MAX || strlen(name) >= I3_CHANNEL_BYTES)
        return 0;
    i3mud_copy(i3mud.channels[i], I3_CHANNEL_BYTES, name);
    if (i == i3mud.channel_count)
        i3mud.channel_count++;
    return 1;
}

/* ---- The players' files ---- */

static int i3mud_file(const char *name, char *path, size_t size)
{
    size_t at = strlen(i3mud.data);
    if (!*name || at + strlen(name) + 6 > size)
        return 0;
    memcpy(path, i3mud.data, at);
    path[at++] = '/';
    for (; *name; name++) {
        if (!isalnum((unsigned char)*name))
            return 0;
        path[at++] = (char)tolower((unsigned char)*name);
    }
    strcpy(path + at, ".i3");
    return 1;
}

static void i3mud_load(i3mud_player *p)
{
    char path[400], line[300], *value;
    FILE *file;
    int channel;
    if (!i3mud_file(p->name, path, sizeof path) || (file = fopen(path, "r")) == 0)
        return;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = 0;
        value = strchr(line, ' ');
        if (!value)
            continue;
        *value++ = 0;
        if (strcmp(line, "off") == 0 && (channel = i3mud_channel(value)) >= 0)
            p->off |= 1UL << channel;
        else if (strcmp(line, "ignore") == 0 && p->ignore_count < I3MUD_IGNORES_MAX)
            i3mud_copy(p->ignores[p->ignore_count++], I3MUD_PATTERN_BYTES, value);
        else if (strcmp(line, "seen") == 0)
            p->seen = atof(value);
        else if (strcmp(line, "no") == 0) {
            p->no_colour |= strcmp(value, "colour") == 0;
            p->no_beep |= strcmp(value, "beep") == 0;
            p->no_history |= strcmp(value, "history") == 0;
            p->is_muted |= strcmp(value, "channels") == 0;
        }
    }
    fclose(file);
}

static void i3mud_save(const i3mud_player *p)
{
    char path[400], fresh[408];
    FILE *file;
    int i, is_whole;
    if (!i3mud_file(p->name, path, sizeof path))
        return;
    sprintf(fresh, "%s.new", path);
    if ((file = fopen(fresh, "w")) == 0) {
        i3h_log("Intermud-3: the directory of the players' switches cannot be written");
        return;
    }
    for (i = 0; i < i3mud.channel_count; i++)
        if ((p->off >> i & 1) && i3mud.channels[i][0])
            fprintf(file, "off %s\n", i3mud.channels[i]);
    for (i = 0; i < p->ignore_count; i++)
        fprintf(file, "ignore %s\n", p->ignores[i]);
    fprintf(file, "%s%s%s%s", p->no_colour ? "no colour\n" : "", p->no_beep ? "no beep\n" : "",
            p->no_history ? "no history\n" : "", p->is_muted ? "no channels\n" : "");
    fprintf(file, "seen %.0f\n", p->seen);
    is_whole = !ferror(file);
    if (fclose(file) == 0 && is_whole)
        rename(fresh, path);
}

/* The switches of a player who is here, or 0 if there are too many players. */
static i3mud_player *i3mud_switches(const char *name)
{
    int i, unused = -1;
    for (i = 0; i < I3MUD_PLAYERS_MAX; i++) {
        if (i3mud.players[i].name[0] && i3_same_name(i3mud.players[i].name, name))
            return &i3mud.players[i];
        if (!i3mud.players[i].name[0] && unused < 0)
            unused = i;
    }
    if (unused < 0 || strlen(name) >= sizeof i3mud.players[0].name)
        return 0;
    memset(&i3mud.players[unused], 0, sizeof i3mud.players[unused]);
    i3mud_copy(i3mud.players[unused].name, sizeof i3mud.players[unused].name, name);
    i3mud_load(&i3mud.players[unused]);
    return &i3mud.players[unused];
}

/* ---- What comes in ---- */

/* Whether a text matches a pattern with * in it, in any case. It goes back to the last * only, so that no pattern of a player
 * takes long. */
static int i3mud_matches(const char *pattern, const char *text)
{
    const char *behind_star = 0, *again = 0;
    while (*text) {
        if (*pattern == '*') {
            behind_star = ++pattern;
            again = text;
        } else if (tolower((unsigned char)*pattern) == tolower((unsigned char)*text)) {
            pattern++;
            text++;
        } else if (behind_star) {
            pattern = behind_star;
            text = ++again;
        } else {
            return 0;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static int i3mud_ignores(const i3mud_player *p, const char *user, const char *mud)
{
    char whole[2 * I3_NAME_BYTES + 2];
    int i;
    sprintf(whole, "%s@%s", user, mud);
    for (i = 0; p && i < p->ignore_count; i++)
        if (i3mud_matches(p->ignores[i], whole))
            return 1;
    return 0;
}

static void i3mud_add_text(i3mud_line *line, const i3_event *e, const char *member, int no_colour)
{
    static char plain[I3_TEXT_BYTES];
    if (!no_colour) {
        i3mud_add(line, strcmp(member, "message") == 0 ? e->text : e->text_target);
        return;
    }
    i3_show_plain(i3mud.net, i3_json_get(e->params, member), plain, sizeof plain, 0);
    i3mud_add(line, plain);
}

/* Behind an emote, which has the sender's name in it, but not the mud. */
static void i3mud_add_sender(i3mud_line *line, const char *from)
{
    i3mud_add(line, " (");
    i3mud_add(line, from);
    i3mud_add(line, ")");
}

/* Tells the sender why the player does not get it. */
static int i3mud_refuse(i3 *net, const i3_event *e, void *player, const char *why)
{
    char text[I3_NAME_BYTES + 64];
    sprintf(text, "%.255s %.60s", i3h_name(player), why);
    i3_tell_refuse(net, e->id, text);
    return I3_SHOWN;
}

static int i3mud_on_tell(i3 *net, const i3_event *e)
{
    void *player = i3mud_find(e->to_user);
    i3mud_player *p;
    i3mud_line line;
    if (!player)
        return I3_HOLD;
    p = i3mud_switches(e->to_user);
    if (i3mud_ignores(p, e->from_user, e->from_mud))
        return i3mud_refuse(net, e, player, "ignores you.");
    if (e->kind == I3_BEEP && p && p->no_beep)
        return i3mud_refuse(net, e, player, "does not take beeps.");
    i3mud_clear(&line);
    i3mud_add_colour(&line, 14, p && p->no_colour);
    if (e->replay)
        i3mud_add(&line, "(earlier) ");
    if (e->kind != I3_EMOTETO)
        i3mud_add(&line, e->from);
    i3mud_add(&line, e->kind == I3_TELL ? " tells you: " : e->kind == I3_BEEP ? " beeps you.\007" : "");
    i3mud_add_text(&line, e, "message", p && p->no_colour);
    if (e->kind == I3_EMOTETO)
        i3mud_add_sender(&line, e->from);
    i3mud_add_colour(&line, -1, p && p->no_colour);
    i3mud_tell_line(player, &line);
    if (p) {
        i3mud_copy(p->reply_user, sizeof p->reply_user, e->from_user);
        i3mud_copy(p->reply_mud, sizeof p->reply_mud, e->from_mud);
    }
    return I3_SHOWN;
}

static void i3mud_start_line(i3mud_line *line, const char *channel, int no_colour)
{
    i3mud_clear(line);
    i3mud_add_colour(line, 6, no_colour);
    i3mud_add(line, "[");
    i3mud_add_own(line, channel);
    i3mud_add(line, "]");
    i3mud_add_colour(line, -1, no_colour);
    i3mud_add(line, " ");
}

static void i3mud_on_line(i3 *net, const i3_event *e)
{
    int channel = i3mud_channel(e->channel);
    char target[I3_NAME_BYTES];
    void *player;
    i3mud_line line;
    if (channel < 0)
        return;
    i3_name(net, i3_json_get(e->params, "target_user"), target, sizeof target);
    if (e->id > i3mud.seen)
        i3mud.seen = e->id;
    for (player = i3h_next(0); player; player = i3h_next(player)) {
        i3mud_player *p = i3mud_switches(i3h_name(player));
        const char *member = "message";
        if (p && (p->is_muted || (p->off >> channel & 1) || i3mud_ignores(p, e->from_user, e->from_mud)))
            continue;
        i3mud_start_line(&line, e->channel, p && p->no_colour);
        if (e->kind == I3_MESSAGE) {
            i3mud_add(&line, e->from);
            i3mud_add(&line, ": ");
        }
        if (e->kind == I3_TARGETED && e->text_target[0] && i3_same_name(e->target_mud, i3_mud(net)) &&
            i3_same_name(target, i3h_name(player)))
            member = "message_target";
        i3mud_add_text(&line, e, member, p && p->no_colour);
        if (e->kind != I3_MESSAGE)
            i3mud_add_sender(&line, e->from);
        i3mud_tell_line(player, &line);
        if (p)
            p->seen = e->id > p->seen ? e->id : p->seen;
    }
}

static void i3mud_on_event(i3 *net, const i3_event *e)
{
    void *player;
    (void)net;
    if (e->kind == I3_NET_DOWN || e->kind == I3_NET_UP)
        i3h_log(e->kind == I3_NET_UP ? "Intermud-3: the link to the network is up" : "Intermud-3: the link is down");
    if (e->kind != I3_ERROR || !e->to_user[0])
        return;
    player = i3mud_find(e->to_user);
    if (player) {
        i3mud_line line;
        i3mud_clear(&line);
        i3mud_add(&line, "Intermud-3: ");
        i3mud_add(&line, e->text);
        i3mud_tell_line(player, &line);
    }
}

static void i3mud_on_presence(i3 *net)
{
    void *player;
    for (player = i3h_next(0); player; player = i3h_next(player)) {
        i3_user user;
        memset(&user, 0, sizeof user);
        user.name = i3h_name(player);
        if (i3h_describe(player, &user))
            i3_present(net, &user);
    }
}

static void i3mud_on_log(i3 *net, int what, const char *text)
{
    char line[I3MUD_LINE_BYTES];
    (void)net;
    (void)what;
    sprintf(line, "Intermud-3: %.600s", text);
    i3h_log(line);
}

/* ---- Answers ---- */

/* The player who asked, if still here; what failed is told. Returns 0 if there is nothing more to do. */
static void *i3mud_asker(const i3_result *r)
{
    void *player = i3mud_find(r->who);
    i3mud_line line;
    if (player && r->outcome != I3_OK) {
        i3mud_clear(&line);
        i3mud_add(&line, r->message);
        i3mud_tell_line(player, &line);
        return 0;
    }
    return player;
}

static void i3mud_sent(i3 *net, const i3_result *r)
{
    (void)net;
    i3mud_asker(r);
}

/* The members of an object, one line each, with what stands in front of them. */
static void i3mud_members(void *player, i3_json object, const char *const *names, int count)
{
    i3mud_line line;
    int i;
    for (i = 0; i + 1 < count; i += 2) {
        i3_json value = i3_json_get(object, names[i]);
        if (!value.at || i3_json_type(value) == 'n' || i3_json_is(value, ""))
            continue;
        i3mud_clear(&line);
        i3mud_add(&line, names[i + 1]);
        i3mud_add_json(&line, value);
        i3mud_tell_line(player, &line);
    }
}

static void i3mud_who_answer(i3 *net, const i3_result *r)
{
    void *player = i3mud_asker(r);
    i3_json users = i3_json_get(r->result, "users"), one;
    i3mud_line line;
    int count = 0;
    (void)net;
    if (!player)
        return;
    i3mud_clear(&line);
    i3mud_add(&line, "Players on ");
    i3mud_add_json(&line, i3_json_get(r->result, "from_mud"));
    i3mud_add(&line, ":");
    i3mud_tell_line(player, &line);
    for (one = i3_json_first(users); one.at; one = i3_json_next(users, one)) {
        if (++count > I3MUD_LIST_LINES)
            continue;
        i3mud_clear(&line);
        i3mud_add(&line, "  ");
        i3mud_add_json(&line, i3_json_get(one, "name"));
        i3mud_add(&line, " ");
        i3mud_add_json(&line, i3_json_get(one, "extra"));
        if (i3_json_number(i3_json_get(one, "idle"), 0) >= 60) {
            i3mud_add(&line, " (idle ");
            i3mud_add_number(&line, i3_json_number(i3_json_get(one, "idle"), 0) / 60);
            i3mud_add(&line, " min)");
        }
        i3mud_tell_line(player, &line);
    }
    i3mud_clear(&line);
    i3mud_add_number(&line, count);
    i3mud_add(&line, count == 1 ? " player." : " players.");
    if (count > I3MUD_LIST_LINES)
        i3mud_add(&line, " The last ones are not shown.");
    i3mud_tell_line(player, &line);
}

static void i3mud_finger_answer(i3 *net, const i3_result *r)
{
    static const char *const names[] = {"name",       "Name:     ", "title",     "Title:    ", "real_name", "Real name:",
                                        "level",      "Level:    ", "email",     "E-mail:   ", "login_time", "Login:    ",
                                        "idle_time",  "Idle (s): ", "extra",     "          "};
    void *player = i3mud_asker(r);
    i3mud_line line;
    (void)net;
    if (!player)
        return;
    i3mud_clear(&line);
    i3mud_add(&line, "From ");
    i3mud_add_json(&line, i3_json_get(r->result, "from_mud"));
    i3mud_add(&line, ":");
    i3mud_tell_line(player, &line);
    i3mud_members(player, i3_json_get(r->result, "user_info"), names, (int)(sizeof names / sizeof names[0]));
}

static void i3mud_locate_answer(i3 *net, const i3_result *r)
{
    void *player = i3mud_asker(r);
    i3mud_line line;
    (void)net;
    if (!player)
        return;
    i3mud_clear(&line);
    i3mud_add_json(&line, i3_json_get(r->result, "located_user"));
    i3mud_add(&line, " is on ");
    i3mud_add_json(&line, i3_json_get(r->result, "located_mud"));
    i3mud_add(&line, " (idle ");
    i3mud_add_number(&line, i3_json_number(i3_json_get(r->result, "idle"), 0));
    i3mud_add(&line, " s). ");
    i3mud_add_json(&line, i3_json_get(r->result, "status"));
    i3mud_tell_line(player, &line);
}

static void i3mud_muds_answer(i3 *net, const i3_result *r)
{
    void *player = i3mud_asker(r);
    i3_json muds = i3_json_get(r->result, "muds"), one;
    i3mud_line line;
    int count = 0;
    (void)net;
    if (!player)
        return;
    for (one = i3_json_first(muds); one.at; one = i3_json_next(muds, one)) {
        if (++count > I3MUD_LIST_LINES)
            continue;
        i3mud_clear(&line);
        i3mud_add(&line, i3_json_is(i3_json_get(one, "status"), "up") ? "  up    " : "  down  ");
        i3mud_add_json(&line, i3_json_get(one, "name"));
        i3mud_add(&line, " - ");
        i3mud_add_json(&line, i3_json_get(one, "mudlib"));
        i3mud_add(&line, " - ");
        i3mud_add_json(&line, i3_json_get(one, "host"));
        i3mud_add(&line, " ");
        i3mud_add_json(&line, i3_json_get(one, "port"));
        i3mud_tell_line(player, &line);
    }
    i3mud_clear(&line);
    i3mud_add_number(&line, count);
    i3mud_add(&line, i3_json_true(i3_json_get(r->result, "more")) ? " muds, and more." : " muds.");
    if (count > I3MUD_LIST_LINES)
        i3mud_add(&line, " Only the first are shown: give a part of the name.");
    i3mud_tell_line(player, &line);
}

static void i3mud_channels_answer(i3 *net, const i3_result *r)
{
    void *player = i3mud_asker(r);
    i3_json channels = i3_json_get(r->result, "channels"), one;
    char name[I3_CHANNEL_BYTES];
    i3mud_line line;
    int count = 0;
    if (!player)
        return;
    for (one = i3_json_first(channels); one.at; one = i3_json_next(channels, one)) {
        i3_name(net, i3_json_get(one, "name"), name, sizeof name);
        if (!i3mud_matches(r->note, name) || ++count > I3MUD_LIST_LINES)
            continue;
        i3mud_clear(&line);
        i3mud_add(&line, i3mud_channel(name) >= 0 ? "  * " : "    ");
        i3mud_add_json(&line, i3_json_get(one, "name"));
        i3mud_add(&line, " - ");
        i3mud_add_json(&line, i3_json_get(one, "owner"));
        i3mud_tell_line(player, &line);
    }
    i3mud_clear(&line);
    i3mud_add_number(&line, count);
    i3mud_add(&line, " channels. This game listens to those with a *.");
    if (count > I3MUD_LIST_LINES)
        i3mud_add(&line, " Only the first are shown: give a part of the name.");
    i3mud_tell_line(player, &line);
}

static void i3mud_history_answer(i3 *net, const i3_result *r)
{
    void *player = i3mud_find(r->who);
    i3mud_player *p = player ? i3mud_switches(r->who) : 0;
    i3_json messages = i3_json_get(r->result, "messages"), one;
    char user[I3_NAME_BYTES], mud[I3_NAME_BYTES], when[32];
    i3mud_line line, from;
    int count = 0, is_emote;
    if (!player || (r->outcome != I3_OK && r->tag == 0))
        return;
    if (!i3mud_asker(r))
        return;
    for (one = i3_json_first(messages); one.at; one = i3_json_next(messages, one)) {
        i3_name(net, i3_json_get(one, "from_user"), user, sizeof user);
        i3_name(net, i3_json_get(one, "from_mud"), mud, sizeof mud);
        if (i3mud_ignores(p, user, mud))
            continue;
        count++;
        i3_json_text(i3_json_get(one, "timestamp"), when, sizeof when);
        i3mud_start_line(&line, r->note, p && p->no_colour);
        if (strlen(when) >= 16) {
            when[16] = 0;
            i3mud_add(&line, when + 11);
            i3mud_add(&line, " ");
        }
        i3mud_clear(&from);
        i3mud_add_json(&from, i3_json_get(one, "visname"));
        i3mud_add_own(&from, "@");
        i3mud_add_json(&from, i3_json_get(one, "from_mud"));
        is_emote = !i3_json_is(i3_json_get(one, "event"), "channel_message");
        if (!is_emote) {
            i3mud_add(&line, from.text);
            i3mud_add(&line, ": ");
        }
        i3mud_add_json(&line, i3_json_get(one, "message"));
        if (is_emote)
            i3mud_add_sender(&line, from.text);
        i3mud_tell_line(player, &line);
    }
    if (!count && r->tag != 0)
        i3mud_say(player, "Nothing was said on ", r->note, ".");
}

static void i3mud_bans_answer(i3 *net, const i3_result *r)
{
    void *player = i3mud_asker(r);
    i3_json bans = i3_json_get(r->result, "bans"), one;
    i3mud_line line;
    int count = 0;
    (void)net;
    if (!player)
        return;
    if (!bans.at) {
        i3mud_say(player, "Done.", "", "");
        return;
    }
    for (one = i3_json_first(bans); one.at; one = i3_json_next(bans, one), count++) {
        i3mud_clear(&line);
        i3mud_add(&line, "  ");
        i3mud_add_json(&line, i3_json_get(one, "ban_id"));
        i3mud_add(&line, "  ");
        i3mud_add_json(&line, i3_json_get(one, "pattern"));
        i3mud_add(&line, "  ");
        i3mud_add_json(&line, i3_json_get(one, "reason"));
        i3mud_tell_line(player, &line);
    }
    if (!count)
        i3mud_say(player, "Nobody is banned.", "", "");
}

/* ---- Commands ---- */

/* The next word, with "..." around what has blanks in it. Returns 0 if there is none. */
static int i3mud_word(const char **text, char *out, size_t size)
{
    const char *p = *text;
    size_t length = 0;
    int is_quoted = 0;
    while (*p == ' ')
        p++;
    for (; *p && (is_quoted || *p != ' '); p++) {
        if (*p == '"')
            is_quoted = !is_quoted;
        else if (length + 1 < size)
            out[length++] = *p;
    }
    out[length] = 0;
    while (*p == ' ')
        p++;
    *text = p;
    return length > 0;
}

/* A word user@mud in its parts. Returns 0 if it is none. */
static int i3mud_target(const char **text, char *user, char *mud)
{
    char word[2 * I3_NAME_BYTES], *at;
    if (!i3mud_word(text, word, sizeof word) || (at = strchr(word, '@')) == 0 || at == word || !at[1])
        return 0;
    *at = 0;
    i3mud_copy(user, I3_NAME_BYTES, word);
    i3mud_copy(mud, I3_NAME_BYTES, at + 1);
    return 1;
}

static void i3mud_history(const char *name, int channel, double after, int lines, int tag)
{
    i3_begin(i3mud.net, "channel_history");
    i3_put_plain(i3mud.net, "channel", i3mud.channels[channel]);
    i3_put_number(i3mud.net, "limit", lines);
    if (after > 0)
        i3_put_number(i3mud.net, "after", after);
    i3_send(i3mud.net, name, i3mud_history_answer, tag, i3mud.channels[channel], 0);
}

static void i3mud_do_chat(void *player, const char *text, int is_emote)
{
    char word[I3_CHANNEL_BYTES];
    const char *rest = text;
    i3mud_player *p = i3mud_switches(i3h_name(player));
    int channel = i3mud_word(&rest, word, sizeof word) ? i3mud_channel(word) : -1;
    if (channel >= 0)
        text = rest;
    else
        channel = i3mud_first_channel();
    while (*text == ' ')
        text++;
    if (!*text || channel < 0) {
        i3mud_say(player, is_emote ? "i3emote [channel] does something" : "i3chat [channel] text    (:text is an emote)", "", "");
        return;
    }
    if (*text == ':') {
        is_emote = 1;
        text++;
    }
    if (p && (p->is_muted || (p->off >> channel & 1))) {
        i3mud_say(player, "You do not listen to ", i3mud.channels[channel], ": see i3listen.");
        return;
    }
    if (is_emote)
        i3_emote(i3mud.net, i3h_name(player), i3mud.channels[channel], text, i3mud_sent);
    else
        i3_say(i3mud.net, i3h_name(player), i3mud.channels[channel], text, i3mud_sent);
}

/* A tell, or an emote to one user. */
static void i3mud_send_tell(void *player, const char *user, const char *mud, const char *text, int is_emote)
{
    i3mud_player *p = i3mud_switches(i3h_name(player));
    i3mud_line line;
    int is_sent;
    if (is_emote)
        is_sent = i3_emoteto(i3mud.net, i3h_name(player), mud, user, text, i3mud_sent);
    else
        is_sent = i3_tell(i3mud.net, i3h_name(player), mud, user, text, i3mud_sent);
    if (!is_sent)
        return;
    i3mud_clear(&line);
    i3mud_add_colour(&line, 14, p && p->no_colour);
    i3mud_add(&line, "You ");
    i3mud_add(&line, is_emote ? "emote to " : "tell ");
    i3mud_add_own(&line, user);
    i3mud_add_own(&line, "@");
    i3mud_add_own(&line, mud);
    i3mud_add(&line, ": ");
    i3mud_add(&line, text); /* as it was typed: in the engine's own codes */
    i3mud_add_colour(&line, -1, p && p->no_colour);
    i3mud_tell_line(player, &line);
}

static void i3mud_do_tell(void *player, const char *text)
{
    char user[I3_NAME_BYTES], mud[I3_NAME_BYTES];
    if (!i3mud_target(&text, user, mud) || !*text)
        i3mud_say(player, "i3tell user@mud text    (user@\"Mud of many words\" text)", "", "");
    else
        i3mud_send_tell(player, user, mud, text, 0);
}

static void i3mud_do_reply(void *player, const char *text)
{
    i3mud_player *p = i3mud_switches(i3h_name(player));
    while (*text == ' ')
        text++;
    if (!p || !p->reply_user[0])
        i3mud_say(player, "Nobody of another mud has told you anything.", "", "");
    else if (!*text)
        i3mud_say(player, "i3reply text", "", "");
    else
        i3mud_send_tell(player, p->reply_user, p->reply_mud, text, 0);
}

/* who, finger and locate: they wait for the other mud. */
static void i3mud_ask(void *player, const char *method, const char *mud, const char *user, i3_answer answer)
{
    i3_begin(i3mud.net, method);
    i3_put_plain(i3mud.net, "from_user", i3h_name(player));
    i3_put_plain(i3mud.net, "target_mud", mud);
    i3_put_plain(i3mud.net, "target_user", user);
    i3_put_true(i3mud.net, "wait", 1);
    i3_put_number(i3mud.net, "timeout", I3MUD_WAIT_SECONDS);
    i3_send(i3mud.net, i3h_name(player), answer, 0, 0, I3MUD_WAIT_SECONDS + 5);
}

static void i3mud_do_finger(void *player, const char *text, int is_beep)
{
    char user[I3_NAME_BYTES], mud[I3_NAME_BYTES];
    if (!i3mud_target(&text, user, mud))
        i3mud_say(player, is_beep ? "i3beep user@mud" : "i3finger user@mud", "", "");
    else if (!is_beep)
        i3mud_ask(player, "finger", mud, user, i3mud_finger_answer);
    else if (i3_beep(i3mud.net, i3h_name(player), mud, user, i3mud_sent))
        i3mud_say(player, "You beep ", user, ".");
}

static void i3mud_do_mudlist(void *player, const char *text)
{
    char word[I3_NAME_BYTES];
    int has_word = i3mud_word(&text, word, sizeof word);
    i3_begin(i3mud.net, "mudlist");
    i3_put_open(i3mud.net, "filter");
    if (has_word && !i3_same_name(word, "all"))
        i3_put_plain(i3mud.net, "name", word);
    if (!has_word)
        i3_put_plain(i3mud.net, "status", "up");
    i3_put_close(i3mud.net);
    i3_send(i3mud.net, i3h_name(player), i3mud_muds_answer, 0, 0, 0);
}

static void i3mud_do_chanlist(void *player, const char *text)
{
    char word[48], pattern[56];
    int has_word = i3mud_word(&text, word, sizeof word);
    sprintf(pattern, has_word ? "*%s*" : "*", word);
    i3_begin(i3mud.net, "channel_list");
    i3_send(i3mud.net, i3h_name(player), i3mud_channels_answer, 0, pattern, 0);
}

static void i3mud_do_listen(void *player, const char *text)
{
    char word[I3_CHANNEL_BYTES];
    i3mud_player *p = i3mud_switches(i3h_name(player));
    int i, channel;
    if (!p) {
        i3mud_say(player, "Too many players are here: your switches cannot be changed.", "", "");
        return;
    }
    if (!i3mud_word(&text, word, sizeof word)) {
        for (i = 0; i < i3mud.channel_count; i++)
            if (i3mud.channels[i][0])
                i3mud_say(player, p->is_muted || (p->off >> i & 1) ? "  off  " : "  on   ", i3mud.channels[i], "");
        i3mud_say(player, "i3listen channel switches one; i3listen on and i3listen off switch all.", "", "");
        return;
    }
    channel = i3mud_channel(word);
    if (i3_same_name(word, "on") || i3_same_name(word, "off")) {
        p->is_muted = i3_same_name(word, "off");
        if (!p->is_muted)
            p->off = 0;
        i3mud_say(player, "All channels of Intermud-3 are ", p->is_muted ? "off" : "on", ".");
    } else if (channel < 0) {
        i3mud_say(player, "This game does not listen to ", word, ": see i3listen.");
        return;
    } else {
        p->is_muted = 0;
        p->off ^= 1UL << channel;
        i3mud_say(player, i3mud.channels[channel], p->off >> channel & 1 ? " is off" : " is on", ".");
    }
    i3mud_save(p);
}

static void i3mud_do_ignore(void *player, const char *text)
{
    char word[I3MUD_PATTERN_BYTES];
    i3mud_player *p = i3mud_switches(i3h_name(player));
    int i;
    if (!p || !i3mud_word(&text, word, sizeof word)) {
        for (i = 0; p && i < p->ignore_count; i++)
            i3mud_say(player, "  ", p->ignores[i], "");
        i3mud_say(player, "i3ignore user@mud ignores somebody, or no longer; * stands for anything.", "", "");
        return;
    }
    for (i = 0; i < p->ignore_count; i++)
        if (i3_same_name(p->ignores[i], word)) {
            p->ignore_count--;
            memmove(p->ignores[i], p->ignores[p->ignore_count], I3MUD_PATTERN_BYTES);
            i3mud_say(player, "You ignore ", word, " no longer.");
            i3mud_save(p);
            return;
        }
    if (!strchr(word, '@')) {
        i3mud_say(player, "Whom? user@mud, *@mud or user@*", "", "");
    } else if (p->ignore_count >= I3MUD_IGNORES_MAX) {
        i3mud_say(player, "Your list is full. Take somebody off it.", "", "");
    } else {
        i3mud_copy(p->ignores[p->ignore_count++], I3MUD_PATTERN_BYTES, word);
        i3mud_say(player, "You ignore ", word, ".");
        i3mud_save(p);
    }
}

static void i3mud_do_ban(void *player, const char *text)
{
    char word[I3MUD_PATTERN_BYTES], *end;
    double id;
    if (!i3h_is_staff(player)) {
        i3mud_say(player, "You may not do that. i3ignore is for you alone.", "", "");
        return;
    }
    if (!i3mud_word(&text, word, sizeof word)) {
        i3mud_say(player, "i3ban user@mud [reason] bans somebody for all; i3ban number removes a ban:", "", "");
        i3_begin(i3mud.net, "ban_list");
        i3_send(i3mud.net, i3h_name(player), i3mud_bans_answer, 0, 0, 0);
        return;
    }
    id = strtod(word, &end);
    if (*end == 0) {
        i3_begin(i3mud.net, "ban_remove");
        i3_put_number(i3mud.net, "ban_id", id);
    } else {
        i3_begin(i3mud.net, "ban_add");
        i3_put_plain(i3mud.net, "pattern", word);
        i3_put_plain(i3mud.net, "reason", *text ? text : 0);
    }
    i3_send(i3mud.net, i3h_name(player), i3mud_bans_answer, 1, 0, 0);
}

static void i3mud_do_emote(void *player, const char *text)
{
    char user[I3_NAME_BYTES], mud[I3_NAME_BYTES];
    const char *rest = text;
    if (i3mud_target(&rest, user, mud) && *rest)
        i3mud_send_tell(player, user, mud, rest, 1);
    else
        i3mud_do_chat(player, text, 1);
}

/* A switch of the player: "i3 colour off". Returns 0 if the word is none. */
static int i3mud_switch(void *player, const char *word, const char *value)
{
    i3mud_player *p = i3mud_switches(i3h_name(player));
    int *place = 0, is_off = i3_same_name(value, "off");
    if (p && (i3_same_name(word, "colour") || i3_same_name(word, "color")))
        place = &p->no_colour;
    else if (p && i3_same_name(word, "beep"))
        place = &p->no_beep;
    else if (p && i3_same_name(word, "history"))
        place = &p->no_history;
    if (!place)
        return 0;
    if (!is_off && !i3_same_name(value, "on")) {
        i3mud_say(player, word, *place ? " is off" : " is on", ": say on or off.");
        return 1;
    }
    *place = is_off;
    i3mud_say(player, word, is_off ? " is off" : " is on", ".");
    i3mud_save(p);
    return 1;
}

static void i3mud_do_i3(void *player, const char *text)
{
    char word[I3_CHANNEL_BYTES], value[I3_CHANNEL_BYTES];
    int channel, has_word = i3mud_word(&text, word, sizeof word);
    i3mud_word(&text, value, sizeof value);
    if (!has_word) {
        i3mud_say(player, i3_ready(i3mud.net) ? "Connected as " : "Not connected", i3_mud(i3mud.net), ".");
        i3mud_say(player, "i3chat i3emote i3tell i3reply i3beep i3who i3finger i3locate i3mudlist i3chanlist", "", "");
        i3mud_say(player, "i3listen i3ignore, i3 history channel, i3 colour on|off, i3 beep on|off, i3 history on|off", "", "");
        if (i3h_is_staff(player))
            i3mud_say(player, "i3ban, i3 join channel, i3 leave channel (until the next boot)", "", "");
        return;
    }
    channel = i3mud_channel(value);
    if (i3_same_name(word, "history") && channel >= 0) {
        i3mud_history(i3h_name(player), channel, 0, 20, 1);
    } else if (i3mud_switch(player, word, value)) {
        return;
    } else if (i3h_is_staff(player) && i3_same_name(word, "join") && value[0] && channel < 0 &&
               i3mud_add_channel(value) && i3_join(i3mud.net, value, 0)) {
        i3mud_say(player, "The game listens to ", value, ".");
    } else if (i3h_is_staff(player) && i3_same_name(word, "leave") && channel >= 0) {
        i3_leave(i3mud.net, i3mud.channels[channel]);
        i3mud.channels[channel][0] = 0;
        i3mud_say(player, "The game no longer listens to ", value, ".");
    } else {
        i3mud_say(player, "i3 alone shows what there is.", "", "");
    }
}

/* A command of a player. */
static void i3mud_command(void *player, int command, const char *text)
{
    char word[I3_NAME_BYTES];
    const char *rest = text;
    if (!i3mud.net) {
        i3h_send(player, "Intermud-3 is not set up on this game.\r\n");
        return;
    }
    switch (command) {
    case I3CMD_CHAT:
        i3mud_do_chat(player, text, 0);
        break;
    case I3CMD_TELL:
        i3mud_do_tell(player, text);
        break;
    case I3CMD_REPLY:
        i3mud_do_reply(player, text);
        break;
    case I3CMD_WHO:
        if (i3mud_word(&rest, word, sizeof word))
            i3mud_ask(player, "who", word, 0, i3mud_who_answer);
        else
            i3mud_say(player, "i3who mud", "", "");
        break;
    case I3CMD_FINGER:
        i3mud_do_finger(player, text, 0);
        break;
    case I3CMD_LOCATE:
        if (i3mud_word(&rest, word, sizeof word))
            i3mud_ask(player, "locate", 0, word, i3mud_locate_answer);
        else
            i3mud_say(player, "i3locate user", "", "");
        break;
    case I3CMD_MUDLIST:
        i3mud_do_mudlist(player, text);
        break;
    case I3CMD_CHANLIST:
        i3mud_do_chanlist(player, text);
        break;
    case I3CMD_LISTEN:
        i3mud_do_listen(player, text);
        break;
    case I3CMD_IGNORE:
        i3mud_do_ignore(player, text);
        break;
    case I3CMD_BAN:
        i3mud_do_ban(player, text);
        break;
    case I3CMD_BEEP:
        i3mud_do_finger(player, text, 1);
        break;
    case I3CMD_EMOTE:
        i3mud_do_emote(player, text);
        break;
    default:
        i3mud_do_i3(player, text);
    }
}

/* ---- The game ---- */

/* Reads the settings: "name value" lines; # begins a comment. Returns 0 without the file. */
static int i3mud_settings(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[700], *value, *end;
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file)) {
        for (value = line; *value && !isspace((unsigned char)*value); value++)
            ;
        if (line[0] == '#' || !*value)
            continue;
        *value++ = 0;
        while (isspace((unsigned char)*value))
            value++;
        for (end = value + strlen(value); end > value && isspace((unsigned char)end[-1]); end--)
            end[-1] = 0;
        if (strcmp(line, "host") == 0)
            i3mud_copy(i3mud.host, sizeof i3mud.host, value);
        else if (strcmp(line, "port") == 0)
            i3mud.port = atoi(value);
        else if (strcmp(line, "key") == 0)
            i3mud_copy(i3mud.key, sizeof i3mud.key, value);
        else if (strcmp(line, "client") == 0)
            i3mud_copy(i3mud.client, sizeof i3mud.client, value);
        else if (strcmp(line, "players") == 0)
            i3mud_copy(i3mud.data, sizeof i3mud.data, value);
        else if (strcmp(line, "charset") == 0)
            i3mud.latin1 = i3_same_name(value, "latin-1");
        else if (strcmp(line, "channel") != 0 || !*value || !i3mud_add_channel(value))
            i3mud_on_log(0, I3_LOG_LIMIT, strcmp(line, "channel") == 0 ? "too many channels in the settings" : "a setting is unknown");
    }
    fclose(file);
    return 1;
}

/* For the head's i3mud_boot. `config` has the head's own settings: colour, act, typed_dollars, typed_colours. */
static void i3mud_start(i3_config *config, const char *client, const char *settings)
{
    int i;
    if (i3mud.net)
        return;
    i3mud_copy(i3mud.host, sizeof i3mud.host, "127.0.0.1");
    i3mud_copy(i3mud.client, sizeof i3mud.client, client);
    i3mud_copy(i3mud.data, sizeof i3mud.data, "i3");
    i3mud.port = 8081;
    if (!i3mud_settings(settings)) {
        i3mud_on_log(0, I3_LOG_STATE, "off: there is no file of settings");
        return;
    }
    config->host = i3mud.host;
    config->port = i3mud.port;
    config->key = i3mud.key;
    config->client = i3mud.client;
    config->charset = i3mud.latin1 ? I3_LATIN1 : I3_UTF8;
    config->tell = i3mud_on_tell;
    config->line = i3mud_on_line;
    config->event = i3mud_on_event;
    config->presence = i3mud_on_presence;
    config->log = i3mud_on_log;
    i3mud.net = i3_open(config);
    for (i = 0; i3mud.net && i < i3mud.channel_count; i++)
        i3_join(i3mud.net, i3mud.channels[i], 0);
}

/* Somebody has come: what was said meanwhile, and the tells that wait. */
static void i3mud_welcome(i3mud_player *p)
{
    int i;
    i3_player_here(i3mud.net, p->name);
    for (i = 0; i < i3mud.channel_count && !p->no_history && !p->is_muted && i3_ready(i3mud.net); i++)
        if (i3mud.channels[i][0] && !(p->off >> i & 1))
            i3mud_history(p->name, i, p->seen, I3MUD_HISTORY_LINES, 0);
    if (i3mud.seen > p->seen)
        p->seen = i3mud.seen;
}

/* Sees who has come and who has gone. */
static void i3mud_look(void)
{
    static char was_here[I3MUD_PLAYERS_MAX];
    void *player;
    int i;
    for (i = 0; i < I3MUD_PLAYERS_MAX; i++) {
        was_here[i] = (char)(i3mud.players[i].name[0] && i3mud.players[i].is_here);
        i3mud.players[i].is_here = 0;
    }
    for (player = i3h_next(0); player; player = i3h_next(player)) {
        i3mud_player *p = i3mud_switches(i3h_name(player));
        if (!p) {
            i3_player_here(i3mud.net, i3h_name(player));
            continue;
        }
        p->is_here = 1;
        if (!was_here[p - i3mud.players])
            i3mud_welcome(p);
    }
    for (i = 0; i < I3MUD_PLAYERS_MAX; i++) {
        i3mud_player *p = &i3mud.players[i];
        if (!p->name[0] || p->is_here)
            continue;
        i3mud_save(p);
        p->name[0] = 0;
        i3_player_gone(i3mud.net);
    }
}

void i3mud_pulse(void)
{
    time_t now = time(0);
    if (!i3mud.net)
        return;
    if (now != i3mud.looked) {
        i3mud.looked = now;
        i3mud_look();
    }
    i3_poll(i3mud.net);
}

void i3mud_sleep(int mother)
{
    struct pollfd wait[2];
    i3mud.looked = 0; /* the last player has just left: that is published soon */
    for (;;) {
        double seconds = 60;
        int count = 1;
        wait[0].fd = mother;
        wait[0].events = POLLIN;
        wait[0].revents = 0;
        if (i3mud.net) {
            i3mud_pulse();
            seconds = i3_timeout(i3mud.net);
            wait[1].fd = i3_descriptor(i3mud.net);
            wait[1].events = (short)(POLLIN | (i3_wants_write(i3mud.net) ? POLLOUT : 0));
            count = wait[1].fd >= 0 ? 2 : 1;
        }
        if (poll(wait, (nfds_t)count, (int)(seconds * 1000) + 1) < 0 || wait[0].revents)
            return;
    }
}

void i3mud_end(void)
{
    int i;
    for (i = 0; i < I3MUD_PLAYERS_MAX; i++)
        if (i3mud.players[i].name[0])
            i3mud_save(&i3mud.players[i]);
    i3_close(i3mud.net);
    i3mud.net = 0;
}

#endif /* I3_COMMANDS_IMPLEMENTED */
#endif /* I3_COMMANDS_IMPLEMENTATION */
