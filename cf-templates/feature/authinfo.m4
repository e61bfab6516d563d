divert(-1)
_table_(`authinfo', defn(`_ARG_'), `authinfo', `authinfo')
define(`_AUTHINFO_', 1)
