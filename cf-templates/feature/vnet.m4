divert(-1)
define(`_VNET_', 1)
dnl vnet: hosts of an old IBM network, under all its names.
divert(101)dnl
CA vnet ipnet rscs vnet.ibm.com
divert(120)dnl
# feature vnet`'_at_(`vnet'): one name for hosts of that network
R$* < @ $- .$=A > $*	$: $1 < @ $2 .vnet. > $4
divert(-1)
