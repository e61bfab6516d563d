R< REJECT > $* < >	$#error $@ 5.2.1 $: _RCPTREJ_
R< DISCARD > $* < >	$#discard $: discard
R< QUARANTINE : $+ > $* < >	$#error $@ quarantine $: $1
R< ERROR : $-.$-.$- : $+ > $* < >	$#error $@ $1.$2.$3 $: $4
R< ERROR : $+ > $* < >	$#error $: $1
R< < TMPF > > $* < >	$#error $@ 4.3.0 $: _TMPFMSG_
R< OK > $* < >		$: $1
R< RELAY > $* < >	$: $1
R< FRIEND > $* < >	$: $1
R< HATER > $* < >	$: $1
ifdef(`_OLD_SPAM_', `R< $={SpamTag} > $* < >	$: $2
')dnl
R< $+ > $* < >		$#error $: $1
