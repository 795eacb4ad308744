/* The game loop of the stand-ins for engines: one line for the name, then commands. As CircleMUD's does, it turns ten times
 * a second, and waits for the first player while nobody is there. Each stand-in includes it behind its own types, and
 * supplies:
 *
 *   STANDIN_DESC                            the type of a descriptor
 *   first_d(), next_d(d)                    the list of them
 *   new_d(fd), free_d(d), fd_of(d)
 *   enter_d(d, name), is_in(d)              a player comes in
 *   command_d(d, command, argument)         0: there is no such command */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t is_over;

static void end_game(int number)
{
    (void)number;
    is_over = 1;
}

void send_text(int fd, const char *text);

void send_text(int fd, const char *text)
{
    size_t length = strlen(text);
    if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length)
        fprintf(stderr, "a player does not read\n");
}

/* A line of a player. Returns 0 if the player leaves. */
static int line_of(STANDIN_DESC *d, char *line)
{
    char *argument = line;
    if (!is_in(d)) {
        enter_d(d, line);
        send_text(fd_of(d), "Welcome.\r\n");
        return 1;
    }
    while (*argument && *argument != ' ')
        argument++;
    if (*argument)
        *argument++ = 0;
    if (strcmp(line, "quit") == 0)
        return 0;
    if (!command_d(d, line, argument))
        send_text(fd_of(d), "Huh?\r\n");
    return 1;
}

/* What a player has typed. The whole line comes at once here. Returns 0 if the player leaves. */
static int input_of(STANDIN_DESC *d)
{
    char text[2048], *line, *end;
    ssize_t n = recv(fd_of(d), text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = 0;
    for (line = text; (end = strchr(line, '\n')) != 0; line = end + 1) {
        *end = 0;
        if (end > line && end[-1] == '\r')
            end[-1] = 0;
        if (!line_of(d, line))
            return 0;
    }
    return 1;
}

static int play(const char *settings)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int mother = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(mother, (struct sockaddr *)&address, sizeof address) < 0 || listen(mother, 8) < 0 ||
        getsockname(mother, (struct sockaddr *)&address, &length) < 0)
        return 1;
    signal(SIGTERM, end_game);
    signal(SIGPIPE, SIG_IGN);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    i3mud_boot(settings);
    while (!is_over) {
        STANDIN_DESC *d, *next;
        struct pollfd ready;
        if (!first_d())
            i3mud_sleep(mother);
        ready.fd = mother;
        ready.events = POLLIN;
        if (poll(&ready, 1, 0) > 0)
            new_d(accept(mother, 0, 0));
        for (d = first_d(); d; d = next) {
            next = next_d(d);
            ready.fd = fd_of(d);
            if (poll(&ready, 1, 0) > 0 && !input_of(d)) {
                close(fd_of(d));
                free_d(d);
            }
        }
        i3mud_pulse();
        poll(0, 0, 100);
    }
    i3mud_end();
    while (first_d()) {
        STANDIN_DESC *d = first_d();
        close(fd_of(d));
        free_d(d);
    }
    return 0;
}
