divert(-1)
define(`_masq_entire_', 1)
