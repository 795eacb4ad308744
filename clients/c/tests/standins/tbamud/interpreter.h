/* Stand-in for tbaMUD's header of the same name: what heads/tbamud uses, as it is declared there. */
#define ACMD(name) void name(struct char_data *ch, char *argument, int cmd, int subcmd)
