/* A stand-in for tbaMUD: its declarations, its table of commands, its way of showing colours. */
#include "conf.h"
#include "sysdep.h"

#include "structs.h"
#include "utils.h"
#include "comm.h"
#include "interpreter.h"
#include "db.h"
#include "i3_commands.h"

void send_text(int fd, const char *text);

#define STANDIN_DESC struct descriptor_data
struct descriptor_data *descriptor_list;

static struct descriptor_data *first_d(void) { return descriptor_list; }
static struct descriptor_data *next_d(struct descriptor_data *d) { return d->next; }
static int fd_of(struct descriptor_data *d) { return d->descriptor; }
static int is_in(struct descriptor_data *d) { return STATE(d) == CON_PLAYING; }

static void new_d(int fd)
{
    struct descriptor_data *d;
    CREATE(d, struct descriptor_data, 1);
    d->descriptor = fd;
    d->connected = CON_GET_NAME;
    d->next = descriptor_list;
    descriptor_list = d;
}

static void free_d(struct descriptor_data *d)
{
    struct descriptor_data **at;
    for (at = &descriptor_list; *at != d; at = &(*at)->next)
        ;
    *at = d->next;
    if (d->character) {
        free(d->character->player.name);
        free(d->character->player.title);
        free(d->character->player_specials);
        free(d->character);
    }
    free(d);
}

static char *copy(const char *text)
{
    return strcpy((char *)malloc(strlen(text) + 1), text);
}

static void enter_d(struct descriptor_data *d, const char *name)
{
    struct char_data *ch;
    CREATE(ch, struct char_data, 1);
    CREATE(ch->player_specials, struct player_special_data, 1);
    ch->player.name = copy(name);
    ch->player.title = copy("the Tester");
    ch->player.level = strcmp(name, "Boss") == 0 ? LVL_IMPL : 7;
    ch->desc = d;
    d->character = ch;
    d->login_time = time(0);
    d->connected = CON_PLAYING;
}

/* TAB r becomes <r>, and so on; TAB TAB is a TAB. */
size_t send_to_char(struct char_data *ch, const char *messg, ...)
{
    static char text[32768], shown[4 * 32768];
    size_t out = 0, i;
    va_list args;
    va_start(args, messg);
    vsnprintf(text, sizeof text, messg, args);
    va_end(args);
    for (i = 0; text[i]; i++) {
        if (text[i] == '\t' && text[i + 1]) {
            i++;
            out += (size_t)sprintf(shown + out, "<%c>", text[i]);
        } else
            shown[out++] = text[i];
    }
    shown[out] = 0;
    if (ch->desc) {
        send_text(ch->desc->descriptor, shown);
    }
    return out;
}

void basic_mud_log(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

ACMD(do_i3);

static const struct command_info {
    const char *command, *sort_as;
    sbyte minimum_position;
    void (*command_pointer)(struct char_data *ch, char *argument, int cmd, int subcmd);
    sh_int minimum_level;
    int subcmd;
} cmd_info[] = {
#include "commands.inc" /* the lines of the guide */
};

static int command_d(struct descriptor_data *d, const char *command, char *argument)
{
    size_t i;
    for (i = 0; i < sizeof cmd_info / sizeof cmd_info[0]; i++)
        if (strcmp(cmd_info[i].command, command) == 0) {
            cmd_info[i].command_pointer(d->character, argument, (int)i, cmd_info[i].subcmd);
            return 1;
        }
    return 0;
}

#undef log
#include "../loop.h"

int main(int argc, char **argv)
{
    return play(argc > 1 ? argv[1] : "i3.conf");
}
