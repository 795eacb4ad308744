/* The smallest game: players come by telnet, say who they are, and talk to other muds.
 *
 *     cc -I.. -o smallest smallest.c && ./smallest 4000
 *
 * It takes I3_GATEWAY_HOST, I3_GATEWAY_PORT (the port for TCP lines) and I3_API_KEY, and I3_CHANNEL: demo_chat otherwise.
 * A player types: a name; then "tell user@mud text", "who mud", "quit", and all else goes to the channel. */
#define I3_IMPLEMENTATION
#include "i3.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAYERS_MAX 20
#define LINE_BYTES 1024

typedef struct player {
    int fd; /* 0: nobody */
    char name[32], line[LINE_BYTES];
    size_t length;
} player;

static player players[PLAYERS_MAX];
static const char *channel = "demo_chat";
static volatile sig_atomic_t ended;

static void end(int number)
{
    (void)number;
    ended = 1;
}

static void show(const player *p, const char *a, const char *b, const char *c)
{
    char line[I3_TEXT_BYTES + 600];
    sprintf(line, "%.300s%.200s%.8191s\r\n", a, b, c);
    if (send(p->fd, line, strlen(line), MSG_NOSIGNAL) < 0)
        return; /* that player is gone: recv() will say so */
}

static player *find(const char *name)
{
    int i;
    for (i = 0; i < PLAYERS_MAX; i++)
        if (players[i].fd && players[i].name[0] && i3_same_name(players[i].name, name))
            return &players[i];
    return 0;
}

/* A tell. Who is not here gets it later: i3_player_here() brings it again. */
static int on_tell(i3 *net, const i3_event *e)
{
    player *p = find(e->to_user);
    (void)net;
    if (!p)
        return I3_HOLD;
    show(p, e->from, e->kind == I3_TELL ? " tells you: " : " - ", e->kind == I3_BEEP ? "beep!" : e->text);
    return I3_SHOWN;
}

static void on_line(i3 *net, const i3_event *e)
{
    int i;
    (void)net;
    for (i = 0; i < PLAYERS_MAX; i++)
        if (players[i].name[0])
            show(&players[i], e->from, e->kind == I3_MESSAGE ? ": " : " - ", e->text);
}

/* Who plays. It is asked for every 15 seconds, also when nobody does. */
static void on_presence(i3 *net)
{
    int i;
    for (i = 0; i < PLAYERS_MAX; i++)
        if (players[i].name[0]) {
            i3_user user;
            memset(&user, 0, sizeof user);
            user.name = players[i].name;
            i3_present(net, &user);
        }
}

/* How a request ended: the player who asked is looked up by name, since the player may have left. */
static void on_answer(i3 *net, const i3_result *r)
{
    player *p = find(r->who);
    i3_json users = i3_json_get(r->result, "users"), one;
    char name[80];
    if (!p)
        return;
    if (r->outcome != I3_OK)
        show(p, r->message, "", "");
    for (one = i3_json_first(users); one.at; one = i3_json_next(users, one)) {
        i3_show_json(net, i3_json_get(one, "name"), name, sizeof name, 0);
        show(p, "  ", name, "");
    }
}

static void on_log(i3 *net, int what, const char *text)
{
    (void)net;
    (void)what;
    printf("%s\n", text);
}

static void leave(i3 *net, player *p)
{
    close(p->fd);
    memset(p, 0, sizeof *p);
    i3_player_gone(net);
}

static void typed(i3 *net, player *p, char *line)
{
    char *mud, *text;
    if (!p->name[0]) {
        sprintf(p->name, "%.31s", line);
        i3_player_here(net, p->name);
        show(p, "Welcome. tell user@mud text, who mud, quit; all else goes to ", channel, ".");
    } else if (strncmp(line, "tell ", 5) == 0 && (mud = strchr(line, '@')) != 0 && (text = strchr(mud, ' ')) != 0) {
        *mud++ = *text++ = 0;
        i3_tell(net, p->name, mud, line + 5, text, on_answer);
    } else if (strncmp(line, "who ", 4) == 0) {
        i3_begin(net, "who");
        i3_put_plain(net, "target_mud", line + 4);
        i3_put_true(net, "wait", 1);
        i3_send(net, p->name, on_answer, 0, 0, 0);
    } else if (strcmp(line, "quit") == 0) {
        leave(net, p);
    } else if (*line) {
        i3_say(net, p->name, channel, line, on_answer);
    }
}

static void read_player(i3 *net, player *p)
{
    char *end_of_line;
    ssize_t n = recv(p->fd, p->line + p->length, LINE_BYTES - 1 - p->length, 0);
    if (n <= 0 || p->length + (size_t)n >= LINE_BYTES - 1) {
        leave(net, p);
        return;
    }
    p->length += (size_t)n;
    p->line[p->length] = 0;
    while (p->fd && (end_of_line = strchr(p->line, '\n')) != 0) {
        char line[LINE_BYTES];
        size_t length = (size_t)(end_of_line - p->line);
        memcpy(line, p->line, length);
        line[length && line[length - 1] == '\r' ? length - 1 : length] = 0;
        p->length -= length + 1;
        memmove(p->line, end_of_line + 1, p->length + 1);
        typed(net, p, line);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address;
    struct pollfd set[PLAYERS_MAX + 2];
    int i, mother = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    i3_config config;
    i3 *net;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((unsigned short)(argc > 1 ? atoi(argv[1]) : 4000));
    setsockopt(mother, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(mother, (struct sockaddr *)&address, sizeof address) < 0 || listen(mother, 8) < 0) {
        perror("smallest");
        return 1;
    }
    i3_config_init(&config);
    if (getenv("I3_GATEWAY_HOST"))
        config.host = getenv("I3_GATEWAY_HOST");
    if (getenv("I3_GATEWAY_PORT"))
        config.port = atoi(getenv("I3_GATEWAY_PORT"));
    if (getenv("I3_CHANNEL"))
        channel = getenv("I3_CHANNEL");
    config.key = getenv("I3_API_KEY");
    config.client = "c-smallest";
    config.tell = on_tell;
    config.line = on_line;
    config.presence = on_presence;
    config.log = on_log;
    net = i3_open(&config);
    if (!net)
        return 1;
    i3_join(net, channel, 0);
    setvbuf(stdout, 0, _IOLBF, 0);
    signal(SIGINT, end);
    signal(SIGTERM, end);

    while (!ended) {
        i3_poll(net);
        set[0].fd = mother;
        set[0].events = POLLIN;
        set[1].fd = i3_descriptor(net); /* -1 is left out by poll() */
        set[1].events = (short)(POLLIN | (i3_wants_write(net) ? POLLOUT : 0));
        for (i = 0; i < PLAYERS_MAX; i++) {
            set[i + 2].fd = players[i].fd ? players[i].fd : -1;
            set[i + 2].events = POLLIN;
        }
        if (poll(set, PLAYERS_MAX + 2, (int)(i3_timeout(net) * 1000) + 1) <= 0)
            continue;
        for (i = 0; i < PLAYERS_MAX; i++)
            if (players[i].fd && set[i + 2].revents)
                read_player(net, &players[i]);
        if (set[0].revents) {
            int fd = accept(mother, 0, 0);
            for (i = 0; i < PLAYERS_MAX && players[i].fd; i++)
                ;
            if (i < PLAYERS_MAX && fd > 0) {
                players[i].fd = fd;
                show(&players[i], "Your name?", "", "");
            } else if (fd >= 0) {
                close(fd);
            }
        }
    }
    i3_close(net);
    return 0;
}
