# feature block_bad_helo`'_at_(`block_bad_helo'): who greets with our name, or with none, and is not
# one of those we relay for
R$*			$: $1 $| < 0 $&{client_addr} >
R$* $| < 0 0 >		$: $1
R$* $| < 0 $=R $* >	$: $1
R$* $| < 0 $* >		$: $1 $| < $&s >
R$* $| < $+ >		$: $1 $| < $2 > [ $2 ]
R$* $| < $* > $=w	$#error $@ 5.7.1 $: "550 bogus HELO name used: " $&s
R$* $| < $* > $*	$: $1 $| < $2 >
R$* $| < $=w >		$#error $@ 5.7.1 $: "550 bogus HELO name used: " $&s
R$* $| < [ $+ ] >	$: $1
R$* $| < $+ . $+ >	$: $1
R$* $| < $* >		$#error $@ 5.7.1 $: "550 bogus HELO name used: " $&s
