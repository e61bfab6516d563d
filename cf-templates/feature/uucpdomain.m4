divert(-1)
_table_(`uudomain', defn(`_ARG_'), `uudomain', `uucpdomain')
