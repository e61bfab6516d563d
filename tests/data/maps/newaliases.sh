# newaliases: the summary line, warnings and errors.
# Read by sh, with helpers t and note; the answers are the reference's, but
# for the long line, which it refuses.
t newaliases
t sendmail -bi
t sendmail -bi -v
t newaliases -v
note duplicates, bad lines
printf 'alice: bob\nalice: carol\nALICE: dave\n' > aliases; t newaliases
printf 'nocolon\nx: y\n' > aliases; t newaliases
printf 'x:\ny: \n' > aliases; t newaliases
printf ': y\n' > aliases; t newaliases
printf '\tcontinued\nx: y\n' > aliases; t newaliases
printf 'x: a,\n b,\n\tc\n# in the middle\ny: z\n' > aliases; t newaliases; t 'praliases | sort'
printf 'x@example.com: y\n' > aliases; t newaliases
printf 'x@example.org: y\n' > aliases; t newaliases
printf 'remote!u: y\n' > aliases; t newaliases
printf 'bad <x: y\n' > aliases; t newaliases
printf '"quoted x": y\nb: "c d"@example.com\n' > aliases; t newaliases; t 'praliases | sort'
printf 'u: <unbalanced\nv: a@@b\nw: |no quotes here\n' > aliases; t newaliases
printf 'x: y # trailing comment\nz: "a # b"\n' > aliases; t newaliases; t 'praliases | sort'
printf 'x: :include:/nonexistent\n' > aliases; t newaliases
printf 'last: line without newline' > aliases; t newaliases; t 'praliases'
printf 'windows: crlf\r\nb: c\r\n' > aliases; t newaliases; t 'praliases | sort | od -c | head'
(printf 'big: x'; i=0; while [ $i -lt 400 ]; do printf ', user%d@example.com' $i; i=$((i+1)); done; echo) > aliases; t newaliases
: > aliases; t newaliases
chmod 666 aliases; t newaliases; chmod 644 aliases
rm aliases; t newaliases
note CheckAliases
printf 'x: a@b@c\ny: ok\nz: @\n' > aliases; t newaliases -OCheckAliases=True
t sendmail -bi -OAliasFile=/nonexistent/aliases
t sendmail -bi -OAliasFile=hash:/case/aliases
t sendmail -bi -OAliasFile=implicit:/case/aliases
t sendmail -bi -OAliasFile=bogus:/case/aliases
