divert(-1)
#
# ostypes.m4 - systems that are seldom met today, one entry each.
#
# What a system differs in is where its files lie and how its local mailer is
# called. A site that still has one names it with OSTYPE as ever. _default_
# leaves a value alone that the .mc has set before.
#

define(`_OS_a-ux_', `
_default_(`LOCAL_MAILER_ARGS', `mail -d -r $f $u')
_default_(`LOCAL_MAILER_FLAGS', `mn9')
_default_(`QUEUE_DIR', `/usr/spool/mqueue')
_default_(`UUCP_MAILER_PATH', `/usr/bin/uux')
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_aix3_', `
_default_(`LOCAL_MAILER_ARGS', `mail $u')
_default_(`LOCAL_MAILER_FLAGS', `mn9')
_default_(`LOCAL_MAILER_PATH', `/bin/bellmail')
define(`confEBINDIR', `/usr/lib')
define(`confTIME_ZONE', `USE_TZ')
')

define(`_OS_aix4_', `
_default_(`LOCAL_MAILER_ARGS', `mail -F $g $u')
_default_(`LOCAL_MAILER_FLAGS', `mn9')
_default_(`LOCAL_MAILER_PATH', `/bin/bellmail')
define(`confEBINDIR', `/usr/lib')
define(`confTIME_ZONE', `USE_TZ')
')

define(`_OS_aix5_', `
_default_(`LOCAL_MAILER_ARGS', `mail -F $g $u')
_default_(`LOCAL_MAILER_FLAGS', `mn9')
_default_(`LOCAL_MAILER_PATH', `/bin/bellmail')
define(`confEBINDIR', `/usr/lib')
define(`confTIME_ZONE', `USE_TZ')
')

define(`_OS_altos_', `
_default_(`LOCAL_MAILER_ARGS', `lmail $u')
_default_(`LOCAL_MAILER_FLAGS', `mPuhCE9')
_default_(`LOCAL_MAILER_PATH', `/usr/bin/lmail')
_default_(`LOCAL_SHELL_FLAGS', `Peu')
_default_(`QUEUE_DIR', `/usr/spool/mqueue')
_default_(`UUCP_MAILER_ARGS', `uux - -r -a$g $h!rmail ($u)')
_default_(`UUCP_MAILER_PATH', `/usr/bin/uux')
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_amdahl-uts_', `
_default_(`LOCAL_MAILER_FLAGS', `fSn9')
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_bsd4.3_', `
_default_(`QUEUE_DIR', `/usr/spool/mqueue')
_default_(`UUCP_MAILER_ARGS', `uux - -r -z -a$g $h!rmail ($u)')
')

define(`_OS_bsdi_', `
_default_(`LOCAL_MAILER_PATH', `/usr/libexec/mail.local')
_default_(`STATUS_FILE', `/var/log/sendmail.st')
_default_(`UUCP_MAILER_ARGS', `uux - -r -z -a$g $h!rmail ($u)')
')

define(`_OS_bsdi1.0_', `
_default_(`LOCAL_MAILER_PATH', `/usr/libexec/mail.local')
_default_(`STATUS_FILE', `/var/log/sendmail.st')
_default_(`UUCP_MAILER_ARGS', `uux - -r -z -a$g $h!rmail ($u)')
')

define(`_OS_bsdi2.0_', `
_default_(`LOCAL_MAILER_PATH', `/usr/libexec/mail.local')
_default_(`STATUS_FILE', `/var/log/sendmail.st')
_default_(`UUCP_MAILER_ARGS', `uux - -r -z -a$g $h!rmail ($u)')
')

define(`_OS_dgux_', `
_into_(6)E_FORCE_MAIL_LOCAL_=yes
_back_()
_default_(`LOCAL_MAILER_FLAGS', `m9')
define(`confEBINDIR', `/usr/lib')
define(`confTIME_ZONE', `USE_TZ')
')

define(`_OS_domainos_', `
_default_(`QUEUE_DIR', `/usr/spool/mqueue')
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_dynix3.2_', `
_default_(`QUEUE_DIR', `/usr/spool/mqueue')
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_hpux10_', `
_default_(`LOCAL_MAILER_ARGS', `rmail -d $u')
_default_(`LOCAL_MAILER_FLAGS', `m9')
_default_(`LOCAL_MAILER_PATH', `/usr/bin/rmail')
_default_(`LOCAL_SHELL_PATH', `/usr/bin/sh')
_default_(`QUEUE_DIR', `/var/spool/mqueue')
_default_(`UUCP_MAILER_ARGS', `uux - -r -a$g -gC $h!rmail ($u)')
define(`confTIME_ZONE', `USE_TZ')
')

define(`_OS_hpux11_', `
_default_(`LOCAL_MAILER_ARGS', `rmail -d $u')
_default_(`LOCAL_MAILER_FLAGS', `m9')
_default_(`LOCAL_MAILER_PATH', `/usr/bin/rmail')
_default_(`LOCAL_SHELL_PATH', `/usr/bin/sh')
_default_(`UUCP_MAILER_ARGS', `uux - -r -a$g -gC $h!rmail ($u)')
define(`confTIME_ZONE', `USE_TZ')
')

define(`_OS_hpux9_', `
_default_(`LOCAL_MAILER_ARGS', `rmail -d $u')
_default_(`LOCAL_MAILER_FLAGS', `m9')
_default_(`LOCAL_MAILER_PATH', `/bin/rmail')
_default_(`QUEUE_DIR', `/usr/spool/mqueue')
_default_(`UUCP_MAILER_ARGS', `uux - -r -a$g -gC $h!rmail ($u)')
define(`confEBINDIR', `/usr/lib')
define(`confTIME_ZONE', `USE_TZ')
')

define(`_OS_irix4_', `
_default_(`LOCAL_MAILER_FLAGS', `Ehm9')
_default_(`QUEUE_DIR', `/usr/spool/mqueue')
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_irix5_', `
_default_(`LOCAL_MAILER_ARGS', `mail -s -d $u')
define(`LOCAL_MAILER_CHARSET', `iso-8859-1')
_default_(`LOCAL_MAILER_FLAGS', `Ehmu9')
_default_(`QUEUE_DIR', `/var/spool/mqueue')
_default_(`STATUS_FILE', `/var/sendmail.st')
define(`confDEF_USER_ID', `998:998')
define(`confEBINDIR', `/usr/lib')
define(`confTIME_ZONE', `USE_TZ')
')

define(`_OS_irix6_', `
_default_(`LOCAL_MAILER_ARGS', `mail -s -d $u')
define(`LOCAL_MAILER_CHARSET', `iso-8859-1')
_default_(`LOCAL_MAILER_FLAGS', `Ehmu9')
_default_(`QUEUE_DIR', `/var/spool/mqueue')
_default_(`STATUS_FILE', `/var/sendmail.st')
define(`confDEF_USER_ID', `998:998')
define(`confEBINDIR', `/usr/lib')
define(`confTIME_ZONE', `USE_TZ')
')

define(`_OS_isc4.1_', `
_default_(`LOCAL_MAILER_ARGS', `lmail -s $u')
_default_(`LOCAL_MAILER_FLAGS', `humS9')
_default_(`LOCAL_MAILER_PATH', `/bin/lmail')
_default_(`QUEUE_DIR', `/usr/spool/mqueue')
_default_(`UUCP_MAILER_ARGS', `uux - -r -gC $h!rmail ($u)')
_default_(`UUCP_MAILER_PATH', `/usr/bin/uux')
define(`confEBINDIR', `/usr/lib')
define(`confTIME_ZONE', `USE_TZ')
')

define(`_OS_maxion_', `
define(`LOCAL_MAILER_ARGS', `mail $u')
define(`LOCAL_MAILER_PATH', `/usr/bin/mail')
define(`LOCAL_SHELL_FLAGS', `ehuP')
define(`QUEUE_DIR', `/var/spool/mqueue')
define(`STATUS_FILE', `/var/adm/log/sendmail.st')
define(`UUCP_MAILER_ARGS', `uux - -r -a$g -gmedium $h!rmail ($u)')
define(`confEBINDIR', `/usr/ucblib')
')

define(`_OS_mklinux_', `
define(`LOCAL_MAILER_ARGS', `procmail -a $h -d $u')
define(`LOCAL_MAILER_FLAGS', `SPfhn9')
_default_(`PROCMAIL_MAILER_PATH', `/usr/bin/procmail')
define(`LOCAL_MAILER_PATH', PROCMAIL_MAILER_PATH)
_default_(`STATUS_FILE', `/var/log/sendmail.st')
define(`confEBINDIR', `/usr/sbin')
')

define(`_OS_mpeix_', `
_default_(`LOCAL_MAILER_ARGS', `tsmail $u')
_default_(`LOCAL_MAILER_FLAGS', `mu9')
_default_(`LOCAL_MAILER_PATH', `/bin/tsmail')
_default_(`LOCAL_SHELL_PATH', `/bin/sh')
_default_(`confDEF_USER_ID', `SERVER.SENDMAIL')
define(`confDONT_BLAME_SENDMAIL', `ForwardFileInGroupWritableDirPath')
define(`confTIME_ZONE', `USE_TZ')
_default_(`confTRUSTED_USER', `SERVER.SENDMAIL')
')

define(`_OS_nextstep_', `
_default_(`LOCAL_SHELL_FLAGS', `euP')
_default_(`QUEUE_DIR', `/usr/spool/mqueue')
_default_(`UUCP_MAILER_PATH', `/usr/bin/uux')
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_osf1_', `
_default_(`STATUS_FILE', `/usr/adm/sendmail/sendmail.st')
define(`confDEF_USER_ID', `daemon')
define(`confEBINDIR', `/usr/lbin')
')

define(`_OS_powerux_', `
define(`LOCAL_MAILER_ARGS', `rmail $u')
_default_(`LOCAL_MAILER_FLAGS', `mn9')
define(`LOCAL_MAILER_PATH', `/usr/bin/rmail')
define(`LOCAL_SHELL_FLAGS', `ehuP')
define(`UUCP_MAILER_ARGS', `uux - -r -a$g -gmedium $h!rmail ($u)')
define(`confEBINDIR', `/usr/local/lib')
')

define(`_OS_ptx2_', `
_default_(`LOCAL_MAILER_FLAGS', `fmn9')
define(`LOCAL_MAILER_PATH', `/bin/mail')
define(`LOCAL_SHELL_FLAGS', `eu')
_default_(`QUEUE_DIR', `/usr/spool/mqueue')
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_qnx_', `
define(`LOCAL_MAILER_ARGS', `mail $u')
_default_(`LOCAL_MAILER_FLAGS', `Sh')
define(`LOCAL_MAILER_PATH', `/usr/bin/mailx')
define(`QUEUE_DIR', `/usr/spool/mqueue')
define(`UUCP_MAILER_ARGS', `uux - -r -z -a$f $h!rmail ($u)')
')

define(`_OS_riscos4.5_', `
_default_(`LOCAL_MAILER_ARGS', `rmail -d $u')
_default_(`QUEUE_DIR', `/usr/spool/mqueue')
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_sco-uw-2.1_', `
define(`LOCAL_MAILER_ARGS', `rmail $u')
_default_(`LOCAL_MAILER_FLAGS', `fhCEn9')
define(`LOCAL_MAILER_PATH', `/usr/bin/rmail')
define(`LOCAL_SHELL_FLAGS', `ehuP')
define(`UUCP_MAILER_ARGS', `uux - -r -a$g -gmedium $h!rmail ($u)')
define(`confEBINDIR', `/usr/lib')
define(`confTIME_ZONE', `USE_TZ')
')

define(`_OS_sco3.2_', `
_default_(`LOCAL_MAILER_ARGS', `lmail $u')
_default_(`LOCAL_MAILER_FLAGS', `PuhCE9')
_default_(`LOCAL_MAILER_PATH', `/usr/bin/lmail')
_default_(`LOCAL_SHELL_FLAGS', `Peu')
_default_(`QUEUE_DIR', `/usr/spool/mqueue')
_default_(`UUCP_MAILER_PATH', `/usr/bin/uux')
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_sinix_', `
define(`LOCAL_MAILER_PATH', `/bin/mail.local')
_default_(`QUEUE_DIR', `/var/spool/mqueue')
_default_(`STATUS_FILE', `/var/sendmail.st')
define(`confEBINDIR', `/usr/ucblib')
')

define(`_OS_solaris2_', `
_default_(`LOCAL_MAILER_ARGS', `mail.local -d $u')
_default_(`LOCAL_MAILER_FLAGS', `fSmn9')
_default_(`LOCAL_MAILER_PATH', `/usr/lib/mail.local')
_default_(`UUCP_MAILER_ARGS', `uux - -r -a$g $h!rmail ($u)')
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_solaris2.ml_', `
_default_(`LOCAL_MAILER_ARGS', `mail.local -d $u')
_default_(`LOCAL_MAILER_FLAGS', `fSmn9')
_default_(`LOCAL_MAILER_PATH', `/usr/lib/mail.local')
_default_(`UUCP_MAILER_ARGS', `uux - -r -a$g $h!rmail ($u)')
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_solaris2.pre5_', `
_default_(`LOCAL_MAILER_ARGS', `mail -f $g -d $u')
_default_(`LOCAL_MAILER_FLAGS', `SnE9')
_default_(`UUCP_MAILER_ARGS', `uux - -r -a$g $h!rmail ($u)')
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_sunos3.5_', `
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_sunos4.1_', `
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_svr4_', `
define(`LOCAL_MAILER_PATH', `/usr/ucblib/binmail')
define(`LOCAL_SHELL_FLAGS', `ehuP')
define(`UUCP_MAILER_ARGS', `uux - -r -a$g -gmedium $h!rmail ($u)')
define(`confEBINDIR', `/usr/ucblib')
')

define(`_OS_ultrix4_', `
define(`confEBINDIR', `/usr/lib')
')

define(`_OS_unicos_', `
define(`ALIAS_FILE', `/usr/lib/aliases')
define(`HELP_FILE', `/usr/lib/sendmail.hf')
define(`LOCAL_SHELL_FLAGS', `pxehu')
define(`QUEUE_DIR', `/usr/spool/mqueue')
define(`STATUS_FILE', `/usr/lib/sendmail.st')
define(`confPID_FILE', `/etc/sendmail.pid')
MODIFY_MAILER_FLAGS(`LOCAL', `+aSPpmnxXu')
MODIFY_MAILER_FLAGS(`SMTP', `+anpeLC')
')

define(`_OS_unicosmk_', `
define(`ALIAS_FILE', `/usr/lib/aliases')
define(`HELP_FILE', `/usr/lib/sendmail.hf')
define(`LOCAL_SHELL_FLAGS', `lsDFMpxehuo')
MODIFY_MAILER_FLAGS(`SMTP', `+anpeLC')
define(`QUEUE_DIR', `/usr/spool/mqueue')
define(`STATUS_FILE', `/usr/lib/sendmail.st')
define(`confPID_FILE', `/etc/sendmail.pid')
')

define(`_OS_unicosmp_', `
_default_(`LOCAL_MAILER_ARGS', `mail -s -d $u')
_default_(`LOCAL_MAILER_FLAGS', `Ehm9')
define(`LOCAL_MAILER_PATH', `/usr/bin/mail')
_default_(`QUEUE_DIR', `/var/spool/mqueue')
_default_(`STATUS_FILE', `/var/log/sendmail.st')
define(`confEBINDIR', `/usr/lib')
define(`confTIME_ZONE', `USE_TZ')
')

define(`_OS_unixware7_', `
_default_(`LOCAL_MAILER_ARGS', `slocal -user $u')
_default_(`LOCAL_MAILER_FLAGS', `Puho9')
_default_(`LOCAL_MAILER_PATH', `/etc/mail/slocal')
_default_(`LOCAL_SHELL_FLAGS', `Peu')
_default_(`QUEUE_DIR', `/var/spool/mqueue')
define(`confEBINDIR', `/usr/lib')
define(`confTIME_ZONE', `USE_TZ')
')

define(`_OS_uxpds_', `
define(`LOCAL_MAILER_PATH', `/usr/ucblib/binmail')
define(`LOCAL_SHELL_FLAGS', `ehuP')
define(`UUCP_MAILER_ARGS', `uux - -r -a$f -gmedium $h!rmail ($u)')
define(`confDEF_GROUP_ID', `6')
define(`confEBINDIR', `/usr/ucblib')
')
