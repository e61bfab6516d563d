# newaliases: continuation lines, names in every form, odd files.
# Read by sh, with helpers t and note; the answers are the reference's.
a() { printf "$1" > aliases; printf '%s\n' "--- $1"; t newaliases; praliases 2>&1 | sort | cat -A; }
note continuation lines
a 'x: a\n\n  b\ny: c\n'
a 'x: a\n# c\n  b\ny: c\n'
a 'x: a\n   \ny: c\n'
a 'x: a,\n   \n  z\ny: c\n'
a '#c\n  x\ny: c\n'
a '\n  x\ny: c\n'
a 'x:a\n y: b\nz :  c \n'
a '  \nx: y\n'
a 'x: a \n  \t b\n'
a 'nocolon\n  more: stuff\ny: z\n'
a 'nocolon\n  more\ny: z\n'
a 'x:\n y\n'
a 'x: \n'
note names
a 'x@y@z: q\nUPPER: Q\nMiXed: x\nuPPer: z\n'
a 'x@mail.example.org: y\nx.y: z\na b: c\n'
a '"x: y": z\n"a@b": c\n'
a '|prog: x\n/file: x\n:include:/x: y\n'
a 'owner-list: a\nlist: b\nlist-request: c\n'
a 'x: a, b # c\ny(comment): z\n(comment)w: z\nv: (comment) z\n'
a 'plus+detail: x\n+foo: y\nstar*: z\n*: all\n'
a 'a;b: d\n<x>: e\nX <y>: f\n'
a '@@: y\n'
a 'error: x\nroot: |"a b"\nfile: "/x y"\n'
note files
printf 'x: a\n' > aliases
t "sendmail -bi '-OAliasFile=hash:-o /case/none'"
t sendmail -bi -OAliasFile=text:/case/aliases
t sendmail -bi -OAliasFile=null:/case/aliases
t sendmail -bi extra args
chmod 602 aliases; t newaliases; chmod 620 aliases; t newaliases; chmod 600 aliases; t newaliases
ln -s aliases sl; t sendmail -bi -OAliasFile=/case/sl
mkdir dd; t sendmail -bi -OAliasFile=/case/dd
rm -f aliases.db; ln -s x aliases.db; t newaliases; rm -f aliases.db
mkdir aliases.db; t newaliases
