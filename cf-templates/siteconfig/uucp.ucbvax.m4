divert(-1)
dnl uucp.ucbvax.m4 - the UUCP neighbours of a host that is gone, as an example of
dnl what such a file holds: one SITE for each line of names.
ifelse(_site_class_, `U', `_into_(6)CYdecvax
_back_()', `SITE(`decvax')')
SITE(`Padova Shasta alice allegra amdcad att attunix avsd bellcore')
SITE(`bellcor calma cithep cnmat craig craylab decusj decwrl dssovax')
SITE(`eagle ecovax floyd franz geoff harpo ho3e2 hpda hplabs ibmsupt')
SITE(`ibmuupa ibmpa iiasa70 imagen isunix menlo70 kentmth lbl-csam')
SITE(`lbl-csa lime mothra mseonyx mtxinu pixar pur-ee purdue pwbd sdcarl')
SITE(`sftig sgi olympus sii srivisi ssyx sun trwrb twg ucivax ucla-se')
SITE(`ucla-cs ucsbcsl ucsbhub ucscc ucsd ucsfcgl ucsfmis ulysses unisoft')
SITE(`unmvax usenix uw uwvax vax135 voder wheps whuxle whuxlj xicomp')
SITE(`xprin zehntel zilog')
