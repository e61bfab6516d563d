divert(-1)
dnl usenet.m4 - group.USENET: to the news system.
_default_(`USENET_MAILER_PATH', `/usr/lib/news/inews')
_default_(`USENET_MAILER_FLAGS', `rsDFMmn')
_default_(`USENET_MAILER_ARGS', `inews -m -h -n')
divert(131)dnl
R$+ .USENET		$#usenet $@ usenet $: $1
divert(134)dnl
R$+ .USENET < @ $=w . >	$#usenet $@ usenet $: $1
divert(7)dnl

#
# News
#
_by_(`mailer_usenet')dnl
Musenet,	P=USENET_MAILER_PATH, F=_flags_(`USENET', USENET_MAILER_FLAGS), S=EnvFromL, R=EnvToL,_eq_(`USENET_MAILER_MAX', `M')
		T=X-Usenet/X-Usenet/X-Unix,_eq_(`USENET_MAILER_QGRP', `Q')
		A=USENET_MAILER_ARGS $u
divert(-1)
