/* Stand-in for tbaMUD's header of the same name: what heads/tbamud uses, as it is declared there. */
#ifdef STANDIN_LUMINARI
#define ACMD_DECL(name) void name(struct char_data *ch, const char *argument, int cmd, int subcmd)
#define ACMD(name)                                                                             \
    static void impl_##name##_(struct char_data *ch, const char *argument, int cmd, int subcmd); \
    void name(struct char_data *ch, const char *argument, int cmd, int subcmd)                 \
    {                                                                                          \
        impl_##name##_(ch, argument, cmd, subcmd);                                             \
    }                                                                                          \
    static void impl_##name##_(struct char_data *ch, const char *argument, int cmd, int subcmd)
#else
#define ACMD(name) void name(struct char_data *ch, char *argument, int cmd, int subcmd)
#endif
