divert(-1)
_table_(`bitdomain', defn(`_ARG_'), `bitdomain', `bitdomain')
