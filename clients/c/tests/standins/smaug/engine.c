/* A stand-in for SMAUG: its declarations, its table of commands, its way of showing colours. */
#include "mud.h"
#include "i3_commands.h"

#define STANDIN_DESC DESCRIPTOR_DATA
#define LIST first_descriptor
void send_text(int fd, const char *text);
DESCRIPTOR_DATA *first_descriptor;

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

/* & ^ }: a code becomes <r>, and so on; a doubled character stands for itself. */
void send_to_char(const char *txt, CHAR_DATA *ch)
{
    static char shown[4 * 32768];
    size_t out = 0;
    if (!ch->desc)
        return;
    for (; *txt && out < sizeof shown - 8; txt++) {
        if (strchr("&^}", *txt) && txt[1] == *txt)
            shown[out++] = *txt++;
        else if (strchr("&^}", *txt) && txt[1])
            out += (size_t)sprintf(shown + out, "<%c>", *++txt);
        else
            shown[out++] = *txt;
    }
    shown[out] = 0;
    send_text(ch->desc->descriptor, shown);
}

void log_string_plus(const char *str, short log_type, short level)
{
    (void)log_type;
    (void)level;
    fprintf(stderr, "%s\n", str);
}

#include "declarations.inc" /* the lines of the guide */

static const struct {
    const char *name;
    DO_FUN *do_fun;
} cmd_table[] = {{"i3", do_i3},
                {"i3chat", do_i3chat},
                {"i3tell", do_i3tell},
                {"i3reply", do_i3reply},
                {"i3who", do_i3who},
                {"i3finger", do_i3finger},
                {"i3locate", do_i3locate},
                {"i3mudlist", do_i3mudlist},
                {"i3chanlist", do_i3chanlist},
                {"i3listen", do_i3listen},
                {"i3ignore", do_i3ignore},
                {"i3ban", do_i3ban},
                {"i3beep", do_i3beep},
                {"i3emote", do_i3emote}};

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
