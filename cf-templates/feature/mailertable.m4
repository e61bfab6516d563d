divert(-1)
_table_(`mailertable', defn(`_ARG_'), `mailertable', `mailer')
