divert(-1)
dnl CS.Berkeley.EDU.m4 - one department of that campus.
DOMAIN(`Berkeley.EDU')
define(`confUSERDB_SPEC', `/usr/sww/share/lib/users.cs.db,/usr/sww/share/lib/users.eecs.db')
HACK(`cssubdomain')
