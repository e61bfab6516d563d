divert(-1)
define(`_BLOCKLIST_', 1)
