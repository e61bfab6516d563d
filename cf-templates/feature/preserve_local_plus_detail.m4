divert(-1)
define(`_PRESERVE_PLUS_', 1)
