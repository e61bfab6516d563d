divert(-1)
#
# cf.m4 - the interface of Godwit's m4 library.
#
# A site's sendmail.mc is read after this file. The macros defined here only
# collect: each puts its text into a numbered diversion or sets a name. When
# the .mc has ended, m4/body.m4 puts the collected parts into their order and
# writes the .cf around them.
#
# Diversions that a site may use (the documented numbers):
#   0  the head of the .cf       1  local host detection (LOCAL_NET_CONFIG)
#   2  additions to canonify     3  additions to parse
#   4  UUCP additions to parse   5  names that stay local, before the relay
#   6  local configuration       7  mailer definitions
#   8  DNS lists                 9  local rulesets
# Diversions from 100 on are the library's own.
#

# Where the library is: given with -D_CF_DIR_=, or found from this file's name.
ifdef(`_CF_DIR_', `', `define(`_CF_DIR_', patsubst(__file__, `m4/cf\.m4$', `'))')

# -- small tools ---------------------------------------------------------

# _into_(N) ... _back_(): write into diversion N, then go on where we were.
define(`_into_', `pushdef(`_was_', divnum)divert($1)')
define(`_back_', `divert(_was_)popdef(`_was_')')

# CONCAT(a, b, ...): the arguments without anything between them.
define(`CONCAT', `$1`'$2`'$3`'$4`'$5`'$6`'$7`'$8`'$9')

# _fault_(text), _warn_(text): said on standard error; compilation goes on.
define(`_fault_', `errprint(`*** ERROR: $1
')')
define(`_warn_', `errprint(`*** WARNING: $1
')')
define(`_note_', `errprint(`WARNING: $1
')')

# _on_(NAME): is NAME defined? For tests in the rule files.
# _either_(A, B, then, else)
define(`_either_', `ifdef(`$1', `$3', `ifdef(`$2', `$3', `$4')')')

# _base_(path): the last part of a path, for comments that must not depend on
# where the tree lies.
define(`_base_', `patsubst(`$1', `^.*/', `')')

# _here_: FILE:LINE of the macro call that is being expanded.
define(`_here_', `_base_(__file__):__line__')

# _asked_(KEY, text): remember who asked for KEY; _by_(KEY) gives a comment
# line saying so, or nothing.
define(`_asked_', `define(`_asked_$1', ``$2'')')
define(`_by_', `ifdef(`_asked_$1', `# _asked_$1
')')

# _at_(NAME): where feature NAME was asked for, with the word in front.
define(`_at_', `ifdef(`_at_$1', ` at 'defn(`_at_$1'))')

# _default_(NAME, value): define NAME unless the .mc has.
define(`_default_', `ifdef(`$1', `', `define(`$1', `$2')')')

# -- the frame: version, system, domain, features -------------------------

define(`VERSIONID', `_into_(0)`#####  $1  #####'
_back_()')

# OSTYPE(name): paths and mailers of a system. Systems that nobody runs any
# more are in one table, m4/ostypes.m4; the others have a file of their own.
define(`OSTYPE', `_into_(-1)ifdef(`__OSTYPE__', `errprint(`duplicate OSTYPE($1)
')')define(`__OSTYPE__', `$1')ifdef(`_OS_$1_', `indir(`_OS_$1_')', `include(_CF_DIR_`ostype/$1.m4')')_back_()')

# DOMAIN(name): what all hosts of a site share.
define(`DOMAIN', `_into_(-1)include(_CF_DIR_`domain/$1.m4')_back_()')

# FEATURE(name, arguments...): in the feature file _ARG_ is the first
# argument, _ARG2_ the second, and so on; _ARGS_ is all of them.
define(`FEATURE', `_into_(-1)_asked_(`$1', `FEATURE($1) at '_here_)define(`_at_$1', _here_)pushdef(`_for_', ``FEATURE($1) at ''_here_)_args_(shift($@))include(_CF_DIR_`feature/$1.m4')_unargs_()popdef(`_for_')_back_()')
define(`_args_', `pushdef(`_ARGS_', `$@')pushdef(`_ARG_', `$1')pushdef(`_ARG1_', `$1')pushdef(`_ARG2_', `$2')pushdef(`_ARG3_', `$3')pushdef(`_ARG4_', `$4')pushdef(`_ARG5_', `$5')pushdef(`_ARG6_', `$6')pushdef(`_ARG7_', `$7')pushdef(`_ARG8_', `$8')pushdef(`_ARG9_', `$9')')
define(`_unargs_', `popdef(`_ARGS_')popdef(`_ARG_')popdef(`_ARG1_')popdef(`_ARG2_')popdef(`_ARG3_')popdef(`_ARG4_')popdef(`_ARG5_')popdef(`_ARG6_')popdef(`_ARG7_')popdef(`_ARG8_')popdef(`_ARG9_')')

# HACK(name, arguments...): as FEATURE, from the hack folder.
define(`HACK', `_into_(-1)_args_(shift($@))include(_CF_DIR_`hack/$1.m4')_unargs_()_back_()')

# MAILER(name, arguments...): a mailer file. The rules for local and smtp
# delivery come with them.
define(`MAILER', `_into_(-1)ifdef(`_MAILER_$1_', `_fault_(`MAILER($1) already included')', `define(`_MAILER_$1_', `')_asked_(`mailer_$1', `MAILER($1) at '_here_)_args_(shift($@))include(_CF_DIR_`mailer/$1.m4')_unargs_()')_back_()')

# SITECONFIG(file, own name, class): UUCP neighbours; SITE(name) in the file.
# Names of class U are names of this host.
define(`SITECONFIG', `_into_(6)D$3$2
ifelse(`$3', `U', `C{w}$2 $2.UUCP
')_back_()_into_(-1)define(`_site_class_', `$3')define(`SITE', defn(`_site_'))include(_CF_DIR_`siteconfig/$1.m4')undefine(`SITE')_back_()')
define(`_site_', `_into_(6)C`'_site_class_`'$1
_back_()')

# PUSHDIVERT(N) ... POPDIVERT: the same as _into_ and _back_, for files of the
# site that were written for sendmail's own library.
define(`PUSHDIVERT', `pushdef(`_was_', divnum)divert($1)')
define(`POPDIVERT', `divert(_was_)popdef(`_was_')')

# -- places for a site's own lines -----------------------------------------

define(`LOCAL_CONFIG', `divert(6)')
define(`LOCAL_NET_CONFIG', `define(`_LOCAL_NET_', 1)divert(1)')
define(`LOCAL_UUCP', `divert(4)')
define(`LOCAL_DNSBL', `divert(8)')
define(`MAILER_DEFINITIONS', `divert(7)')
define(`LOCAL_RULE_0', `divert(3)')
define(`LOCAL_RULE_1', `_local_ruleset_(`1', `sender')')
define(`LOCAL_RULE_2', `_local_ruleset_(`2', `recipient')')
define(`LOCAL_RULE_3', `divert(2)')
define(`LOCAL_RULESETS', `divert(9)')
# _local_ruleset_(number, name): begins the site's part of ruleset 1 or 2.
define(`_local_ruleset_', `define(`_ruleset_$1_given_', 1)divert(9)
# rules of the site for ruleset $1
S$2=$1')

# The tls_* and feature rulesets call a local ruleset first when these are used.
define(`LOCAL_SRV_FEATURES', `define(`_local_srv_features_', 1)divert(9)SLocal_srv_features')
define(`LOCAL_CLT_FEATURES', `define(`_local_clt_features_', 1)divert(9)SLocal_clt_features')
define(`LOCAL_TRY_TLS', `define(`_local_try_tls_', 1)divert(9)SLocal_try_tls')
define(`LOCAL_TLS_CLIENT', `define(`_local_tls_client_', 1)divert(9)SLocal_tls_client')
define(`LOCAL_TLS_SERVER', `define(`_local_tls_server_', 1)divert(9)SLocal_tls_server')
define(`LOCAL_TLS_RCPT', `define(`_local_tls_rcpt_', 1)divert(9)SLocal_tls_rcpt')

# -- classes ---------------------------------------------------------------

# _class_(class, words), _class_file_(class, file): one line of the .cf. As with
# sendmail, what follows on the line of the .mc is not read.
define(`_class_', `_into_(102)C{$1}$2
_back_()`'dnl`'')
define(`_class_file_', `_into_(102)F{$1}$2
_back_()`'dnl`'')

define(`MASQUERADE_AS', `define(`MASQUERADE_NAME', `$1')')
define(`MASQUERADE_DOMAIN', `_class_(`M', `$1')')
define(`MASQUERADE_DOMAIN_FILE', `_class_file_(`M', `$1')')
define(`MASQUERADE_EXCEPTION', `define(`_masq_except_', 1)_class_(`N', `$1')')
define(`MASQUERADE_EXCEPTION_FILE', `define(`_masq_except_', 1)_class_file_(`N', `$1')')
define(`EXPOSED_USER', `_class_(`E', `$1')')
define(`EXPOSED_USER_FILE', `_class_file_(`E', `$1')')
define(`GENERICS_DOMAIN', `define(`_generics_class_', 1)_class_(`G', `$1')')
define(`GENERICS_DOMAIN_FILE', `define(`_generics_class_', 1)_class_file_(`G', `$1')')
define(`VIRTUSER_DOMAIN', `define(`_virthost_class_', 1)_class_(`VirtHost', `$1')')
define(`VIRTUSER_DOMAIN_FILE', `define(`_virthost_class_', 1)_class_file_(`VirtHost', `$1')')
define(`LOCAL_USER', `_class_(`L', `$1')')
define(`LOCAL_USER_FILE', `_class_file_(`L', `$1')')
define(`LOCAL_DOMAIN', `_class_(`w', `$1')')
define(`RELAY_DOMAIN', `_class_(`R', `$1')')
define(`RELAY_DOMAIN_FILE', `_class_file_(`R', `$1')')
define(`CANONIFY_DOMAIN', `define(`_canonify_class_', 1)_class_(`Canonify', `$1')')
define(`CANONIFY_DOMAIN_FILE', `define(`_canonify_class_', 1)_class_file_(`Canonify', `$1')')
define(`LDAPROUTE_DOMAIN', `define(`_ldaproute_class_', 1)_class_(`LDAPRoute', `$1')')
define(`LDAPROUTE_DOMAIN_FILE', `define(`_ldaproute_class_', 1)_class_file_(`LDAPRoute', `$1')')
define(`LDAPROUTE_EQUIVALENT', `define(`_ldapequiv_class_', 1)_class_(`LDAPRouteEquiv', `$1')')
define(`LDAPROUTE_EQUIVALENT_FILE', `define(`_ldapequiv_class_', 1)_class_file_(`LDAPRouteEquiv', `$1')')
define(`TRUST_AUTH_MECH', `define(`_trust_auth_mech_', 1)_class_(`TrustAuthMech', `$1')')

# _add_once_(class, word): a word of a class of the standard rules, once.
define(`_add_once_', `ifdef(`_word_$1_$2', `', `define(`_word_$1_$2', 1)_into_(101)C{$1}$2
_back_()')')
# _class_once_(class, words): a class of the standard rules, once.
define(`_class_once_', `ifdef(`_given_$1', `', `define(`_given_$1', 1)_into_(101)C{$1}$2
_back_()')')
# _pseudo_(word): a pseudo top-level domain (class P).
define(`_pseudo_', `ifdef(`_word_P_$1', `', `define(`_word_P_$1', 1)_into_(101)CP $1
_back_()')')

# -- maps ------------------------------------------------------------------

# _kmap_(name, spec): a K line of the library, once for each name.
define(`_kmap_', `ifdef(`_kmap_$1_', `', `define(`_kmap_$1_', 1)_into_(103)ifdef(`_for_', `# _for_
')K`'$1 $2
_back_()')')

# _table_(name, argument, default file, LDAP map name, flags): the map of a
# table feature; asked for again, it is written again, and the last one counts. The argument is empty (our default), the word LDAP, or
# class, flags and path as the site wants them.
define(`_table_', `undefine(`_kmap_$1_')_kmap_(`$1', ifelse(`$2', `', `DATABASE_MAP_TYPE`'ifelse(`$5', `', `', ` $5') MAIL_SETTINGS_DIR`'$3', `$2', `LDAP', `_ldap_spec_(`$4', `$5')', ``$2''))')
define(`_ldap_spec_', ``ldap'ifelse(`$2', `', `', ` $2') `-1 -v sendmailMTAMapValue,sendmailMTAMapSearch:FILTER:sendmailMTAMapObject,sendmailMTAMapURL:URL:sendmailMTAMapObject -k (&(objectClass=sendmailMTAMapObject)(|(sendmailMTACluster=${sendmailMTACluster})(sendmailMTAHost=$j))(sendmailMTAMapName=$1)(sendmailMTAKey=%0))'')

# -- daemons, filters, queues ----------------------------------------------

define(`DAEMON_OPTIONS', `_into_(104)O DaemonPortOptions=$1
_back_()ifdef(`_daemon_given_', `', `define(`_daemon_given_', 1)')')
define(`CLIENT_OPTIONS', `_into_(105)O ClientPortOptions=$1
_back_()')
define(`MAIL_FILTER', `define(`_milter_given_', 1)_into_(106)X$1, $2
_back_()')
define(`INPUT_MAIL_FILTER', `MAIL_FILTER(`$1', `$2')define(`confINPUT_MAIL_FILTERS', ifdef(`confINPUT_MAIL_FILTERS', `defn(`confINPUT_MAIL_FILTERS')`, '')``$1'')')
define(`QUEUE_GROUP', `_into_(107)Q$1, $2
_back_()')

# -- mailer flags ------------------------------------------------------------

# MODIFY_MAILER_FLAGS(NAME, +abc | -abc | abc): add, take away or set flags
# of one mailer. Whatever the order: what is set counts alone; otherwise all
# that is taken away goes first, and all that is added comes behind.
define(`MODIFY_MAILER_FLAGS', `ifelse(substr(`$2', 0, 1), `+', `_gather_(`_plus_$1_', substr(`$2', 1))', substr(`$2', 0, 1), `-', `_gather_(`_minus_$1_', substr(`$2', 1))', `define(`_setto_$1_', `$2')')')
define(`_gather_', `define(`$1', ifdef(`$1', `defn(`$1')')`$2')')

# _flags_(NAME, flags): the flags after all changes. A letter that is there
# already is not added again.
define(`_flags_', `ifdef(`_setto_$1_', `_setto_$1_', `_flagadd_(ifdef(`_minus_$1_', `translit(`$2', defn(`_minus_$1_'), `')', ``$2''), ifdef(`_plus_$1_', `defn(`_plus_$1_')'))')')
define(`_flagadd_', `ifelse(`$2', `', `$1', `_flagadd_(`$1'ifelse(index(`$1', substr(`$2', 0, 1)), -1, `substr(`$2', 0, 1)', `'), substr(`$2', 1))')')

# _smtp_recipient_: what mailers of the SMTP kind make of recipients.
define(`_smtp_recipient_', `ifdef(`_ALL_MASQUERADE_', `EnvToSMTP/HdrFromSMTP', `EnvToSMTP')')

# _eq_(NAME, letter): a space and an equate of a mailer, where NAME is set.
define(`_eq_', `ifdef(`$1', ` $2=$1,')')

# -- UUCP over SMTP ----------------------------------------------------------

# In the part of the site's own rules where it stands: a UUCP host that has an
# Internet name.
define(`UUCPSMTP', `R $`'* < @ $1 .UUCP > $`'*	$`'1 < @ $2 > $`'2')

include(_CF_DIR_`m4/defaults.m4')
include(_CF_DIR_`m4/ostypes.m4')
divert(-1)

# When the .mc has ended, write the .cf.
m4wrap(`include(_CF_DIR_`m4/body.m4')')

# From here on a sharp sign is an ordinary character: rules and a site's own
# lines are full of them, and macros are expanded behind it as they always were.
changecom
divert(0)dnl
