divert(-1)
dnl access_db: a table of who may connect, send and receive.
dnl An answer that is only late must not let anybody in: a spec without -T
dnl gets it, after the type of the map.
define(`_access_late_', `ifelse(`$1', `', `', `$1', `LDAP', ``$1'', index(`$1', `-T<TMPF>'), -1, `_warn_(`missing -T<TMPF> in argument of FEATURE(`access_db',' defn(`_ARG_')`)')patsubst(``$1'', `^\(.[^ 	]+\)\([ 	]\)', `\1 -T<TMPF>\2')', ``$1'')')
define(`_access_spec_', _access_late_(defn(`_ARG_')))
_table_(`access', defn(`_access_spec_'), `access', `access', `-T<TMPF>')
define(`_ACCESS_', 1)
define(`_access_word_', `ifelse(`$1', `skip', `define(`_ACCESS_SKIP_', 1)', `$1', `lookupdotdomain', `define(`_LOOKUP_DOT_', 1)', `$1', `relaytofulladdress', `define(`_RELAY_FULL_ADDR_', 1)', `$1', `', `', `_warn_(`unknown argument $1 of FEATURE(`access_db')')')')
_access_word_(_ARG2_)
_access_word_(_ARG3_)
_access_word_(_ARG4_)
