/* Reads and writes JSON, characters and colours. */
#define I3_IMPLEMENTATION
#include "../i3.h"

#include "check.h"

static int fault(const char *text)
{
    return i3_json_check(text, strlen(text));
}

static i3_json value(const char *text)
{
    CHECK(fault(text) == I3_JSON_OK);
    return i3_json_value(text, strlen(text));
}

static void json_grammar(void)
{
    static const char *const good[] = {"{}", "[]", " {\"a\" : [1,2.5,-0,1e9,1E-3,0.0e+1] } ", "\"\"", "null", "true", "false",
                                       "\"\\u00e9\\ud83d\\ude00\\n\\/\"", "[[[]],{\"\":{}}]", "-12"};
    static const char *const bad[] = {"", " ", "{", "}", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "01", "-",
                                      "1.", ".5", "1e", "+1", "nul", "truex", "\"", "\"\\x\"", "\"\\u12\"", "[1 2]", "1 2",
                                      "{\"a\":1]", "[1}", "'a'", "\"\\", "\"\\u", "NaN", "{\"a\" \"b\"}"};
    char deep[2 * I3_JSON_DEPTH + 8];
    size_t i;
    for (i = 0; i < sizeof good / sizeof good[0]; i++)
        if (fault(good[i]) != I3_JSON_OK)
            equal_at(__FILE__, __LINE__, good[i], "good");
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (fault(bad[i]) == I3_JSON_OK)
            equal_at(__FILE__, __LINE__, bad[i], "bad");
    CHECK(fault("\"\\ud800\"") == I3_JSON_SURROGATE);
    CHECK(fault("\"\\ud800\\u0041\"") == I3_JSON_SURROGATE);
    CHECK(fault("\"\\udc00\"") == I3_JSON_SURROGATE);
    CHECK(fault("\"\xff\"") == I3_JSON_UTF8);
    CHECK(fault("\"\xc0\x80\"") == I3_JSON_UTF8);         /* overlong */
    CHECK(fault("\"\xed\xa0\x80\"") == I3_JSON_UTF8);     /* a surrogate */
    CHECK(fault("\"\xf4\x90\x80\x80\"") == I3_JSON_UTF8); /* above U+10FFFF */
    CHECK(fault("\"\xe2\x82") == I3_JSON_UTF8);           /* cut */
    CHECK(fault("\"a\nb\"") == I3_JSON_CONTROL);
    CHECK(i3_json_check("\"a\0b\"", 5) == I3_JSON_CONTROL);
    memset(deep, '[', sizeof deep);
    memset(deep + I3_JSON_DEPTH, ']', I3_JSON_DEPTH);
    CHECK(i3_json_check(deep, 2 * I3_JSON_DEPTH) == I3_JSON_OK);
    memset(deep, '[', I3_JSON_DEPTH + 1);
    memset(deep + I3_JSON_DEPTH + 1, ']', I3_JSON_DEPTH + 1);
    CHECK(i3_json_check(deep, 2 * I3_JSON_DEPTH + 2) == I3_JSON_TOO_DEEP);
}

static void json_values(void)
{
    i3_json v = value("{\"a\":1,\"list\":[\"x\",{\"y\":[]},-2.5,null],\"t\\u0065xt\":\"a\\\"b\\\\\\u20ac\\ud83d\\ude00\\u0000c\","
                      "\"a\":2,\"n\":9007199254740992,\"e\":-1.5e3,\"yes\":true,\"no\":false}");
    i3_json list, one;
    char text[32];
    int count = 0;
    CHECK(i3_json_type(v) == '{');
    CHECK(i3_json_number(i3_json_get(v, "a"), 0) == 2); /* the last one counts */
    CHECK(i3_json_number(i3_json_get(v, "n"), 0) == 9007199254740992.0);
    CHECK(i3_json_number(i3_json_get(v, "e"), 0) == -1500);
    CHECK(i3_json_number(i3_json_get(v, "absent"), 7) == 7);
    CHECK(i3_json_true(i3_json_get(v, "yes")) && !i3_json_true(i3_json_get(v, "no")));
    list = i3_json_get(v, "list");
    for (one = i3_json_first(list); one.at; one = i3_json_next(list, one))
        count++;
    CHECK(count == 4);
    CHECK(!i3_json_first(value("[]")).at && !i3_json_first(value("{\"a\":1}")).at);
    CHECK(i3_json_text(i3_json_get(v, "text"), text, sizeof text) == 12);
    EQUAL(text, "a\"b\\\xe2\x82\xac\xf0\x9f\x98\x80" "c");
    i3_json_text(i3_json_get(v, "text"), text, 7); /* never half a character */
    EQUAL(text, "a\"b\\");
    CHECK(i3_json_text(i3_json_get(v, "a"), text, sizeof text) == 0);
    EQUAL(text, "");
    CHECK(i3_json_is(i3_json_get(v, "list"), "x") == 0 && i3_json_is(i3_json_first(list), "x"));
    CHECK(!i3_json_is(i3_json_first(list), "xy") && !i3_json_is(i3_json_first(list), ""));
}

static i3 *client(int charset, int colour)
{
    i3_config config;
    i3 *net;
    i3_config_init(&config);
    config.charset = charset;
    config.colour = colour;
    config.typed_colours = 1;
    net = i3_open(&config);
    CHECK(net != 0);
    return net;
}

static void shows(int charset, int colour, const char *text, const char *wanted)
{
    char out[256];
    i3 *net = client(charset, colour);
    CHECK(i3_show(net, text, out, sizeof out, 0) == strlen(out));
    EQUAL(out, wanted);
    i3_close(net);
}

static void colours_in(void)
{
    const char *red = "a \033[31mdark\033[1m red\033[0m b";
    char out[64];
    size_t size;
    i3 *net;
    shows(I3_UTF8, I3_COLOUR_NONE, red, "a dark red b");
    shows(I3_UTF8, I3_COLOUR_ANSI, red, "a \033[0;31mdark\033[1;31m red\033[0m b");
    shows(I3_UTF8, I3_COLOUR_CIRCLE, red, "a &rdark&R red&n b");
    shows(I3_UTF8, I3_COLOUR_TBA, red, "a @rdark@R red@n b");
    shows(I3_UTF8, I3_COLOUR_TAB, red, "a \trdark\tR red\tn b");
    shows(I3_UTF8, I3_COLOUR_ROM, red, "a {rdark{R red{x b");
    shows(I3_UTF8, I3_COLOUR_SMAUG, red, "a &rdark&R red&w b");
    shows(I3_UTF8, I3_COLOUR_AFKMUD, red, "a &rdark&R red&d b");
    /* Colours that nobody ends are ended; black can be read; 256 colours become 16. */
    shows(I3_UTF8, I3_COLOUR_ROM, "\033[33mgold", "{ygold{x");
    shows(I3_UTF8, I3_COLOUR_ROM, "\033[30mink", "{Dink{x");
    shows(I3_UTF8, I3_COLOUR_SMAUG, "\033[93mx", "&Yx&w");
    shows(I3_UTF8, I3_COLOUR_SMAUG, "\033[33mx", "&Ox&w");
    shows(I3_UTF8, I3_COLOUR_ROM, "\033[38;5;196mx\033[38;2;1;2;3my\033[48;5;9mz", "{Rxyz{x");
    /* What could be a code is escaped. */
    shows(I3_UTF8, I3_COLOUR_NONE, "$n {R &R @R", "$n {R &R @R");
    shows(I3_UTF8, I3_COLOUR_ROM, "$n {R &R @R", "$n {{R &R @R");
    shows(I3_UTF8, I3_COLOUR_CIRCLE, "$n {R &R @R", "$n {R &&R @R");
    shows(I3_UTF8, I3_COLOUR_TBA, "$n {R &R @R", "$n {R &R @@R");
    shows(I3_UTF8, I3_COLOUR_TAB, "a\tRb @R", "a Rb @R");
    shows(I3_UTF8, I3_COLOUR_SMAUG, "{R &R ^r }x", "{R &&R ^^r }}x");
    shows(I3_UTF8, I3_COLOUR_AFKMUD, "{R &R ^r }x", "{{R &&R ^r }}x");
    /* What would act on a terminal, or play a sound, is left out. */
    shows(I3_UTF8, I3_COLOUR_ANSI, "a\033[2J\033]0;t\007b\x01\x7f\xc2\x9b" "c\r\nd", "a]0;tbc d");
    shows(I3_UTF8, I3_COLOUR_NONE, "!!SOUND(x) wow!! \xe2\x80\xaeT", "! !SOUND(x) wow!! T");
    net = client(I3_UTF8, I3_COLOUR_ROM);
    net->config.act = 1;
    i3_show(net, "$n\nb", out, sizeof out, 1);
    EQUAL(out, "$$n\r\nb");
    /* A text that is cut ends with whole characters, whole codes, and no colour. */
    for (size = 0; size < 24; size++) {
        out[size] = 'Z';
        i3_show(net, "\033[31m{\xe2\x82\xac{", out, size, 0);
        CHECK(out[size] == 'Z');
        if (size > 0)
            CHECK(strlen(out) < size && (!strstr(out, "{r") || strcmp(out + strlen(out) - 2, "{x") == 0));
    }
    i3_close(net);
}

static void characters(void)
{
    shows(I3_LATIN1, I3_COLOUR_NONE, "caf\xc3\xa9 \xe2\x80\x9cx\xe2\x80\x9d \xe2\x80\x94 \xe2\x82\xac \xf0\x9f\x98\x80",
          "caf\xe9 \"x\" - EUR ?");
    shows(I3_UTF8, I3_COLOUR_NONE, "caf\xc3\xa9", "caf\xc3\xa9");
    shows(I3_UTF8, I3_COLOUR_NONE, "caf\xe9!", "caf\xc3\xa9!"); /* not UTF-8: read as Latin-1 */
}

static void writes(int charset, int colour, int dollars, const char *typed, const char *wanted)
{
    i3 *net = client(charset, colour);
    char *end;
    net->config.typed_dollars = dollars;
    i3_begin(net, "tell");
    i3_put_text(net, "m", typed);
    net->out[net->out_end] = 0;
    end = strstr(net->out, "\"m\":");
    CHECK(end != 0);
    EQUAL(end + 4, wanted);
    CHECK(i3_json_check(end + 4, strlen(end + 4)) == I3_JSON_OK);
    i3_close(net);
}

static void writing(void)
{
    i3 *net;
    double numbers[] = {0, 1, 10, 99, 4294967296.0, 4294967295.0, 42949672960.0, 1795400007010.0, 9007199254740991.0};
    const char *texts[] = {"0", "1", "10", "99", "4294967296", "4294967295", "42949672960", "1795400007010", "9007199254740991"};
    size_t i;
    writes(I3_UTF8, I3_COLOUR_NONE, 0, "a\"b\\c\n\x01 {R $$", "\"a\\\"b\\\\c\\u000a {R $$\"");
    writes(I3_LATIN1, I3_COLOUR_NONE, 0, "caf\xe9", "\"caf\xc3\xa9\"");
    writes(I3_UTF8, I3_COLOUR_NONE, 0, "caf\xe9 \xe2\x82\xac", "\"caf\xc3\xa9 \xe2\x82\xac\"");
    writes(I3_UTF8, I3_COLOUR_ROM, 0, "{Rhi{x {{ {? {", "\"\\u001b[1;31mhi\\u001b[0m { {? {\"");
    writes(I3_UTF8, I3_COLOUR_SMAUG, 0, "&Ohi&w ^r&& }Rx", "\"\\u001b[0;33mhi\\u001b[0m & x\"");
    writes(I3_UTF8, I3_COLOUR_CIRCLE, 1, "$$5 &Cx&n $", "\"$5 \\u001b[1;36mx\\u001b[0m $\"");
    writes(I3_UTF8, I3_COLOUR_TAB, 1, "bob@mud \tGx\tn", "\"bob@mud \\u001b[1;32mx\\u001b[0m\"");
    net = client(I3_UTF8, I3_COLOUR_ROM);
    net->config.typed_colours = 0;
    i3_begin(net, "x");
    i3_put_text(net, "m", "{R {{");
    i3_put_plain(net, "p", "{R");
    net->out[net->out_end] = 0;
    CHECK(strstr(net->out, "\"m\":\"{R {{\",\"p\":\"{R\"") != 0);
    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        i3_begin(net, "x");
        i3_put_number(net, "n", numbers[i]);
        net->out[net->out_end] = 0;
        EQUAL(strstr(net->out, "\"n\":") + 4, texts[i]);
    }
    i3_close(net);
    /* What is published of a player has no colours, and the length that the gateway takes. */
    net = client(I3_UTF8, I3_COLOUR_ROM);
    i3_begin(net, "presence_sync");
    i3__put_member(net, "title", "{Rthe{x {{Brave{", 256);
    i3__put_member(net, "name", "abcdefgh", 3);
    i3__put_member(net, "race", 0, 3);
    net->out[net->out_end] = 0;
    CHECK(strstr(net->out, "{\"title\":\"the {Brave{\",\"name\":\"abc\"") != 0);
    i3_close(net);
    CHECK(i3_same_name("Bob", "bOB") && !i3_same_name("Bob", "Bobb") && !i3_same_name("Bobb", "Bob"));
}

int main(void)
{
    json_grammar();
    json_values();
    colours_in();
    characters();
    writing();
    puts("texts: ok");
    return 0;
}
