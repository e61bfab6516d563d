divert(-1)
_table_(`virtuser', defn(`_ARG_'), `virtusertable', `virtuser')
