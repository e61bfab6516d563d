divert(-1)
dnl mail11.m4 - DECnet.
_default_(`MAIL11_MAILER_PATH', `/usr/etc/mail11')
_default_(`MAIL11_MAILER_FLAGS', `nsFx')
_default_(`MAIL11_MAILER_ARGS', `mail11 $g $x $h $u')
_pseudo_(`DECNET')
divert(7)dnl

#
# DECnet
#
_by_(`mailer_mail11')dnl
SMail11To
R$+ < @ $- .UUCP >	$2 ! $1
R$+ < @ $- .DECNET >	$2 :: $1
R$+ < @ $- .LOCAL >	$2 :: $1
R$+ < @ $=w. >		$2 :: $1
R$=w :: $+		$2

SMail11From
R$+			$@ $>Mail11To $1

Mmail11,	P=MAIL11_MAILER_PATH, F=_flags_(`MAIL11', MAIL11_MAILER_FLAGS), S=Mail11From, R=Mail11To,
		T=DNS/X-DECnet/X-Unix,_eq_(`MAIL11_MAILER_QGRP', `Q')
		A=MAIL11_MAILER_ARGS
divert(-1)
