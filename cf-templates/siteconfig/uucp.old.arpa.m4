divert(-1)
dnl uucp.old.arpa.m4 - the UUCP neighbours of a host that is gone, as an example of
dnl what such a file holds: one SITE for each line of names.
SITE(`endotsew fateman interlan metron')
