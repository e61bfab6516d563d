divert(-1)
dnl cyrus.m4 - a Cyrus mail store, by its deliver program.
_default_(`CYRUS_MAILER_PATH', `/usr/sbin/cyrdeliver')
_default_(`CYRUS_MAILER_FLAGS', `Ah5@/:|')
_default_(`CYRUS_MAILER_ARGS', `cyrdeliver -e -m $h -- $u')
_default_(`CYRUS_MAILER_USER', `cyrus:mail')
_default_(`CYRUS_BB_MAILER_FLAGS', `u')
_default_(`CYRUS_BB_MAILER_ARGS', `cyrdeliver -e -m $u')
divert(131)dnl
R$=N			$: $1
divert(7)dnl

#
# Cyrus mailboxes and bulletin boards
#
_by_(`mailer_cyrus')dnl
Mcyrus,		P=CYRUS_MAILER_PATH, F=_flags_(`CYRUS', `lsDFMnPq'CYRUS_MAILER_FLAGS), S=EnvFromL, R=EnvToL/HdrToL,_eq_(`CYRUS_MAILER_MAX', `M')
		U=CYRUS_MAILER_USER, T=DNS/RFC822/X-Unix,_eq_(`CYRUS_MAILER_QGRP', `Q')
		A=CYRUS_MAILER_ARGS
Mcyrusbb,	P=CYRUS_MAILER_PATH, F=_flags_(`CYRUS', `lsDFMnP'CYRUS_BB_MAILER_FLAGS), S=EnvFromL, R=EnvToL/HdrToL,_eq_(`CYRUS_MAILER_MAX', `M')
		U=CYRUS_MAILER_USER, T=DNS/RFC822/X-Unix,_eq_(`CYRUS_MAILER_QGRP', `Q')
		A=CYRUS_BB_MAILER_ARGS
divert(-1)
