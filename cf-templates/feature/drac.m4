divert(-1)
dnl drac: clients that have fetched mail a moment ago may relay.
_table_(`drac', defn(`_ARG_'), `drac', `drac', `')
define(`_DRAC_', 1)
