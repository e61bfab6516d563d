divert(-1)
dnl body.m4 - puts together what the .mc has collected and writes the .cf.
dnl
dnl Names used by the rule files, settled now that the .mc has spoken.
define(`_LOCAL_', `ifdef(`confLOCAL_MAILER', `confLOCAL_MAILER', `local')')
define(`_SMTP_', `ifdef(`confSMTP_MAILER', `confSMTP_MAILER', `esmtp')')
define(`_RELAY_', `ifdef(`confRELAY_MAILER', `confRELAY_MAILER', ifdef(`_MAILER_smtp_', `relay', `unknown'))')
define(`_UUCP_', `ifdef(`confUUCP_MAILER', `confUUCP_MAILER', `uucp-old')')
ifdef(`__OSTYPE__', `', `_fault_(`No system type defined (use OSTYPE macro)')')
dnl Local users and programs are there whether asked for or not.
ifdef(`_MAILER_local_', `', `MAILER(`local')')
ifdef(`LUSER_RELAY', `_kmap_(`user', `user -m -a<>')')
ifdef(`_PRESERVE_LUSER_HOST_', `ifdef(`LUSER_RELAY', `_kmap_(`macro', `macro')')')
ifdef(`_trust_auth_mech_', `', `')
ifdef(`BITNET_RELAY', `_pseudo_(`BITNET')')
ifdef(`DECNET_RELAY', `_pseudo_(`DECNET')')
ifdef(`FAX_RELAY', `_pseudo_(`FAX')')
ifdef(`UUCP_RELAY', `_pseudo_(`UUCP')')
include(_CF_DIR_`m4/rules/prepare.m4')
divert(0)dnl
#
# Made by Godwit from a sendmail.mc. Change the .mc and compile it again:
# what is changed here is lost then.
#
undivert(0)dnl
V10/Berkeley

#
# This host and this site
#
# hosts for which mail is accepted and delivered here
Cwlocalhost
ifdef(`_USE_CW_FILE_', `Fw`'confCW_FILE
')dnl
ifdef(`confDOMAIN_NAME', `Dj`'confDOMAIN_NAME
')dnl
# pseudo domains, routing characters, and other words the rules know
CP.
C..
CO @ ifdef(`_NO_PERCENT_', `', `%') ifdef(`_NO_UUCP_', `', `!')
C[[
ifdef(`_no_resok_', `', `C{ResOk}OKR
')dnl
undivert(101)dnl
undivert(102)dnl
FR`'confCR_FILE
ifdef(`_virthost_class_', `# virtual domains are relayed for
CR$={VirtHost}
')dnl
# the smart host, and relays for other worlds
DS`'ifdef(`SMART_HOST', `SMART_HOST')
ifdef(`UUCP_RELAY', `DY`'UUCP_RELAY
')dnl
ifdef(`BITNET_RELAY', `DB`'BITNET_RELAY
')dnl
ifdef(`DECNET_RELAY', `DC`'DECNET_RELAY
')dnl
ifdef(`FAX_RELAY', `DF`'FAX_RELAY
')dnl
ifdef(`LOCAL_RELAY', `DR`'LOCAL_RELAY
')dnl
ifdef(`MAIL_HUB', `DH`'MAIL_HUB
')dnl
ifdef(`LUSER_RELAY', `DL`'LUSER_RELAY
')dnl
ifdef(`MASQUERADE_NAME', `# the name that hides the others
DM`'MASQUERADE_NAME
')dnl
ifdef(`confLDAP_CLUSTER', `D{sendmailMTACluster}confLDAP_CLUSTER
')dnl
# who signs for the mail system, and the version of this file
Dn`'confMAILER_NAME
DZ`'_GODWIT_CF_VERSION_`'ifdef(`confCF_VERSION', `/confCF_VERSION')

#
# Maps
#
Karith arith
Kdequote dequote`'ifdef(`confDEQUOTE_OPTS', ` 'confDEQUOTE_OPTS)
ifdef(`_no_resolve_', `', `Kresolve host -a<OKR> -T<TEMP>
')dnl
undivert(103)dnl
undivert(109)dnl

#
# What the site adds
#
undivert(6)dnl
include(_CF_DIR_`m4/options.m4')dnl

#
# Precedence of messages, and users who may speak for others
#
Pfirst-class=0
Pspecial-delivery=100
Plist=-30
Pbulk=-60
Pjunk=-100
Troot
Tdaemon
ifdef(`_NO_UUCP_', `', `Tuucp
')dnl
ifdef(`confTRUSTED_USERS', `T`'confTRUSTED_USERS
')dnl
ifdef(`_USE_CT_FILE_', `Ft`'confCT_FILE
')dnl

#
# Header fields
#
H?P?Return-Path: <$g>
HReceived: confRECEIVED_HEADER
H?D?Resent-Date: $a
H?D?Date: $a
H?F?Resent-From: _FROM_
H?F?From: _FROM_
H?x?Full-Name: $x
H?M?Resent-Message-Id: _MSGID_
H?M?Message-Id: _MSGID_

######################################################################
#
# Rules
#
######################################################################
# Rulesets are numbered as they are first named; logs show the numbers of
# those that judge, and these keep theirs through this order.
SParse0
SParse1
SCanonLocal
SLocal_localaddr
SCanonAddr
SParseRecipient
ifdef(`_ACCESS_', `SD
SA
')dnl
SLocal_check_relay
ifdef(`_DELAY_CHECKS_', `Scheckrelay', `Scheck_relay')
SBasic_check_relay
SLocal_check_mail
ifdef(`_DELAY_CHECKS_', `Scheckmail', `Scheck_mail')
SBasic_check_mail
SLocal_check_rcpt
ifdef(`_DELAY_CHECKS_', `Scheckrcpt', `Scheck_rcpt')
SBasic_check_rcpt
SRcpt_ok
ifdef(`_PROMISCUOUS_', `', `SRelay_ok
')dnl
ifdef(`_DELAY_CHECKS_', `SFullAddr
SDelay_TLS_Clt
SDelay_TLS_Clt2
Scheck_rcpt
')dnl
include(_CF_DIR_`m4/rules/canonify.m4')dnl
include(_CF_DIR_`m4/rules/route.m4')dnl
include(_CF_DIR_`m4/rules/masquerade.m4')dnl
include(_CF_DIR_`m4/rules/lookup.m4')dnl
include(_CF_DIR_`m4/rules/check.m4')dnl
include(_CF_DIR_`m4/rules/tls.m4')dnl

######################################################################
#
# Rules of the site
#
######################################################################
undivert(9)dnl

######################################################################
#
# Mailers
#
######################################################################
undivert(7)dnl
