divert(-1)
_kmap_(`mxserved', `bestmx -z: -T<TEMP>')
define(`_RELAY_MX_', 1)
