divert(-1)
define(`_local_no_masq_', 1)
