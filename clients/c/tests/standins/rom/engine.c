/* A stand-in for ROM: its declarations, its table of commands, its way of showing colours. */
#include "merc.h"
#include "i3_commands.h"

#define STANDIN_DESC DESCRIPTOR_DATA
#define LIST descriptor_list
void send_text(int fd, const char *text);
DESCRIPTOR_DATA *descriptor_list;

static STANDIN_DESC *first_d(void) { return LIST; }
static STANDIN_DESC *next_d(STANDIN_DESC *d) { return d->next; }
static int fd_of(STANDIN_DESC *d) { return d->descriptor; }
static int is_in(STANDIN_DESC *d) { return d->connected == CON_PLAYING; }

static void new_d(int fd)
{
    STANDIN_DESC *d = (STANDIN_DESC *)calloc(1, sizeof *d);
    d->descriptor = (sh_int)fd;
    d->connected = CON_GET_NAME;
    d->next = LIST;
    LIST = d;
}

static void free_d(STANDIN_DESC *d)
{
    STANDIN_DESC **at;
    for (at = &LIST; *at != d; at = &(*at)->next)
        ;
    *at = d->next;
    if (d->character) {
        free(d->character->name);
        free(d->character->pcdata->title);
        free(d->character->pcdata);
        free(d->character);
    }
    free(d);
}

static char *copy(const char *text)
{
    return strcpy((char *)malloc(strlen(text) + 1), text);
}

static void enter_d(STANDIN_DESC *d, const char *name)
{
    CHAR_DATA *ch = (CHAR_DATA *)calloc(1, sizeof *ch);
    ch->pcdata = (PC_DATA *)calloc(1, sizeof *ch->pcdata);
    ch->pcdata->title = copy("the Tester");
    ch->name = copy(name);
    ch->level = strcmp(name, "Boss") == 0 ? MAX_LEVEL : 7;
    ch->desc = d;
    d->character = ch;
    d->connected = CON_PLAYING;
}

/* {: a code becomes <r>, and so on; a doubled character stands for itself. */
void send_to_char(const char *txt, CHAR_DATA *ch)
{
    static char shown[4 * 32768];
    size_t out = 0;
    if (!ch->desc)
        return;
    for (; *txt && out < sizeof shown - 8; txt++) {
        if (strchr("{", *txt) && txt[1] == *txt)
            shown[out++] = *txt++;
        else if (strchr("{", *txt) && txt[1])
            out += (size_t)sprintf(shown + out, "<%c>", *++txt);
        else
            shown[out++] = *txt;
    }
    shown[out] = 0;
    send_text(ch->desc->descriptor, shown);
}

void log_string(const char *str)
{
    fprintf(stderr, "%s\n", str);
}

#include "declarations.inc" /* the lines of the guide */

static const struct cmd_type {
    const char *name;
    DO_FUN *do_fun;
    sh_int position, level, log, show;
} cmd_table[] = {
#include "commands.inc" /* the lines of the guide */
};

static int command_d(STANDIN_DESC *d, const char *command, char *argument)
{
    size_t i;
    for (i = 0; i < sizeof cmd_table / sizeof cmd_table[0]; i++)
        if (strcmp(cmd_table[i].name, command) == 0) {
            cmd_table[i].do_fun(d->character, argument);
            return 1;
        }
    return 0;
}

#include "../loop.h"

int main(int argc, char **argv)
{
    return play(argc > 1 ? argv[1] : "i3.conf");
}
