/* Stand-in for tbaMUD's header of the same name: what heads/tbamud uses, as it is declared there. */
#define CIRCLE_UNIX 1
