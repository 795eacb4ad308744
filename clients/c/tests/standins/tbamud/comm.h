/* Stand-in for tbaMUD's header of the same name: what heads/tbamud uses, as it is declared there. */
size_t send_to_char(struct char_data *ch, const char *messg, ...) __attribute__((format(printf, 2, 3)));
extern struct descriptor_data *descriptor_list;
