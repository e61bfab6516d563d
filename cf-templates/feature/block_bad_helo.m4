divert(-1)
dnl block_bad_helo: clients that greet with no name, or with ours.
_class_(`w', `[127.0.0.1] [IPv6:0:0:0:0:0:0:0:1] [IPv6:::1]')
_class_(`R', `127.0.0.1 IPv6:0:0:0:0:0:0:0:1 IPv6:::1')
define(`_BAD_HELO_', 1)
