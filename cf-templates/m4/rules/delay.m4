#
# Feature delay_checks: client and sender are judged when a recipient is known,
# so that the recipient has a word in it.
#
SFullAddr
R$* < @ $+ . >		$1 < @ $2 >
R$* < @ $* >		$@ $1 < @ $2 >
R$+			$@ $1 < @ $j >

# accepted because of who the client is: TLS must be right all the same
SDelay_TLS_Clt
R$*			$: $1 $| $>tls_client $&{verify} $| MAIL
R$* $| $#$*		$#$2
R$* $| $*		$# $1

SDelay_TLS_Clt2
R$*			$: $1 $| $>tls_client $&{verify} $| MAIL
R$* $| $#$*		$#$2
R$* $| $*		$@ $1

Scheck_rcpt
R$*			$: $1 $| $>checkrcpt $1
R$* $| $#error $*	$#error $2
R$* $| $#discard $*	$#discard $2
R$* $| $#$*		$@ $>Delay_TLS_Clt $2
R$* $| $*		$: < ? > $>CanonAddr $1
R< ? > $*		$: < ? > $>FullAddr $1
ifdef(`_SPAM_FH_', `# who is a friend of spam, or hates it?
R< ? > $+ < @ $=w >	$: < ! Spam > $1 < @ $2 > $| < F:$1@$2 > < D:$2 > < U:$1@ > < >
ifdef(`_virthost_class_', `R< ? > $+ < @ $={VirtHost} >	$: < ! Spam > $1 < @ $2 > $| < F:$1@$2 > < D:$2 > < U:$1@ > < >
')dnl
R< ? > $+ < @ $+ >	$: < ! Spam > $1 < @ $2 > $| < F:$1@$2 > < D:$2 > < >
R< ! Spam > $+ $| $+	$: $1 $| $>SearchList < ! Spam > $| $2
')dnl
ifdef(`_SPAM_FRIEND_', `R$+ $| < FRIEND >	$@ $>Delay_TLS_Clt2 SPAMFRIEND
')dnl
ifdef(`_SPAM_HATER_', `R< ? > $*		$@ $>Delay_TLS_Clt2 NOSPAMHATER
R$+ $| < HATER >	$: $1
R$+ $| $*		$@ $>Delay_TLS_Clt2 NOSPAMHATER
')dnl
ifdef(`_SPAM_FH_', `R$+ $| $*		$: $1
R< ? > $*		$: $1
')dnl
# now the sender, then the client
R$*			$: $1 $| $>checkmail < $&f >
R$* $| $#$*		$#$2
R$* $| $*		$: $1
R$*			$: $1 $| $>checkrelay $&{client_name} $| $&{client_addr}
R$* $| $#$*		$#$2
R$* $| $*		$: $1
ifdef(`_BAD_HELO_', `include(_CF_DIR_`m4/rules/helo.m4')')dnl

