divert(-1)
dnl procmail.m4 - procmail as a filter for whole domains, out of mailertable.
_default_(`PROCMAIL_MAILER_PATH', `/usr/local/bin/procmail')
_default_(`PROCMAIL_MAILER_FLAGS', `SPhnu9')
_default_(`PROCMAIL_MAILER_ARGS', `procmail -Y -m $h $f $u')
divert(7)dnl

#
# Filters by procmail
#
_by_(`mailer_procmail')dnl
Mprocmail,	P=PROCMAIL_MAILER_PATH, F=_flags_(`PROCMAIL', `DFM'PROCMAIL_MAILER_FLAGS), S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP/HdrFromSMTP,_eq_(`PROCMAIL_MAILER_MAX', `M')
		T=DNS/RFC822/X-Unix,_eq_(`PROCMAIL_MAILER_QGRP', `Q')
		A=PROCMAIL_MAILER_ARGS
divert(-1)
