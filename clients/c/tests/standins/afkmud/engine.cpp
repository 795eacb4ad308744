/* A stand-in for AFKMud: its declarations, its way of finding commands and of showing colours. */
#include "mud.h"
#include "descriptor.h"
#include "i3_commands.h"

#define STANDIN_DESC descriptor_data
void send_text(int fd, const char *text);
list<descriptor_data *> dlist;

static descriptor_data *first_d() { return dlist.empty() ? 0 : dlist.front(); }
static int fd_of(descriptor_data *d) { return d->descriptor; }
static int is_in(descriptor_data *d) { return d->connected == CON_PLAYING; }

static descriptor_data *next_d(descriptor_data *d)
{
    list<descriptor_data *>::iterator at;
    for (at = dlist.begin(); at != dlist.end(); ++at)
        if (*at == d)
            return ++at == dlist.end() ? 0 : *at;
    return 0;
}

static void new_d(int fd)
{
    descriptor_data *d = new descriptor_data();
    d->descriptor = fd;
    d->connected = CON_GET_NAME;
    dlist.push_back(d);
}

static void free_d(descriptor_data *d)
{
    dlist.remove(d);
    if (d->character) {
        free(d->character->name);
        delete d->character->pcdata;
        delete d->character;
    }
    delete d;
}

static void enter_d(descriptor_data *d, const char *name)
{
    char_data *ch = new char_data();
    ch->pcdata = new pc_data();
    ch->name = strdup(name);
    ch->level = strcmp(name, "Boss") == 0 ? LEVEL_IMMORTAL : 7;
    ch->desc = d;
    d->character = ch;
    d->connected = CON_PLAYING;
}

/* & { }: a code becomes <r>, and so on; a doubled character stands for itself. */
void char_data::print(const string &txt)
{
    string shown;
    for (size_t i = 0; i < txt.size(); i++) {
        bool is_code = strchr("&{}", txt[i]) && i + 1 < txt.size();
        if (is_code && txt[i + 1] == txt[i])
            shown += txt[i++];
        else if (is_code)
            shown += string("<") + txt[++i] + ">";
        else
            shown += txt[i];
    }
    if (desc)
        send_text(desc->descriptor, shown.c_str());
}

void log_string(const string &txt)
{
    fprintf(stderr, "%s\n", txt.c_str());
}

CMDF(do_i3);
CMDF(do_i3chat);
CMDF(do_i3tell);
CMDF(do_i3reply);
CMDF(do_i3who);
CMDF(do_i3finger);
CMDF(do_i3locate);
CMDF(do_i3mudlist);
CMDF(do_i3chanlist);
CMDF(do_i3listen);
CMDF(do_i3ignore);
CMDF(do_i3ban);
CMDF(do_i3beep);
CMDF(do_i3emote);

static const struct {
    const char *name;
    void (*function)(char_data *ch, string argument);
} commands[] = {{"i3", do_i3},
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

static int command_d(descriptor_data *d, const char *command, char *argument)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, command) == 0) {
            commands[i].function(d->character, argument);
            return 1;
        }
    return 0;
}

#include "../loop.h"

int main(int argc, char **argv)
{
    return play(argc > 1 ? argv[1] : "i3.conf");
}
