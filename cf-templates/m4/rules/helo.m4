# feature block_bad_helo: who greets with our name, or with none
R$*			$: $1 $| < $&s >
R$* $| < $=w >		$#error $@ 5.7.1 $: "550 bogus HELO name used: " $&s
R$* $| < [ $+ ] >	$: $1
R$* $| < $+ . $+ >	$: $1
R$* $| < $* >		$#error $@ 5.7.1 $: "550 bogus HELO name used: " $&s
