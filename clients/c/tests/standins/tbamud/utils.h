/* Stand-in for tbaMUD's header of the same name: what heads/tbamud uses, as it is declared there. */
#define log basic_mud_log
void basic_mud_log(const char *format, ...);
#define STATE(d) ((d)->connected)
#define IS_NPC(ch) ((ch)->char_specials.act & (1L << MOB_ISNPC))
#define GET_PC_NAME(ch) ((ch)->player.name)
#define GET_NAME(ch) (IS_NPC(ch) ? (ch)->player.short_descr : GET_PC_NAME(ch))
#define GET_TITLE(ch) ((ch)->player.title)
#define GET_LEVEL(ch) ((ch)->player.level)
#define GET_INVIS_LEV(ch) ((ch)->player_specials->saved.invis_level)
#define CREATE(result, type, number) ((result) = (type *)calloc((number), sizeof(type)))
