R< REJECT > $*		$#error $@ 5.7.1 $: _REJECT_
R< DISCARD > $*		$#discard $: discard
R< QUARANTINE : $+ > $*	$#error $@ quarantine $: $1
R< ERROR : $-.$-.$- : $+ > $*	$#error $@ $1.$2.$3 $: $4
R< ERROR : $+ > $*	$#error $: $1
R< < TMPF > > $*	$#error $@ 4.3.0 $: _TMPFMSG_
R< $+ > $*		$#error $: $1
