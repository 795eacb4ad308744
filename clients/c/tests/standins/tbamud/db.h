/* Stand-in for tbaMUD's header of the same name: heads/tbamud includes it as every file of the engine does. */
