divert(-1)
_table_(`generics', defn(`_ARG_'), `genericstable', `generics')
