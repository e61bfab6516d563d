divert(-1)
define(`_LOOKUP_DOT_', 1)
