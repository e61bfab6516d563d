divert(-1)
dnl cssubdomain.m4 - headers written on the computer science hosts of Berkeley
dnl once named hosts without the CS part. The hosts are gone, and with them the
dnl rules: the name is known, and changes nothing.
