divert(-1)
dnl fax.m4 - user@number.FAX, sent by a fax program of this host.
_default_(`FAX_MAILER_PATH', `/usr/bin/faxmail')
_default_(`FAX_MAILER_ARGS', `faxmail -d $u@$h $f')
_default_(`FAX_MAILER_MAX', `100000')
_pseudo_(`FAX')
divert(131)dnl
R$* < @ $+ .FAX. > $*	$#fax $@ $2 $: $1
divert(7)dnl

#
# Fax
#
_by_(`mailer_fax')dnl
Mfax,		P=FAX_MAILER_PATH, F=DFMhu, S=14, R=24,
		M=FAX_MAILER_MAX, T=X-Phone/X-FAX/X-Unix,_eq_(`FAX_MAILER_QGRP', `Q')
		A=FAX_MAILER_ARGS
divert(-1)
