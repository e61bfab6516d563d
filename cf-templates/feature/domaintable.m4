divert(-1)
_table_(`domaintable', defn(`_ARG_'), `domaintable', `domain')
