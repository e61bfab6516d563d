# The maps that flags.cf looks into.
printf 'key value %%0 [%%1] [%%2] [%%9] %%%% 100%% %%x\nspa a b c\nquo "q r" (c) <x>\nnulval %%0\nUP up\nplus a+b@c.d\nsp.ace ok1\nsp+ace ok2\nspace ok3\nsp_ace ok4\n' > h
makemap hash h < h; makemap -N hash hN < h; makemap btree b < h; makemap -f hash hf < h; makemap -d hash hd <<X
dup one
dup two
X
printf 'a:b:c d\nd:e\nx::y\nnokeyhere\n sp:lead\nKey:Va l ue\n' > tc
printf 'key value %%0 %%1\nk2\nk3 v3 w3 x3\nCap Val\n"q" quo\n' > t
printf '#!/bin/sh\necho "n$# [$*]"; echo second\n' > prog; chmod 755 prog
printf '#!/bin/sh\nexit ${1:-0}\n' > st; chmod 755 st
printf '#!/bin/sh\nid -un; id -gn\n' > who; chmod 755 who
printf '#!/bin/sh\nprintf "no newline"\n' > nonl; chmod 755 nonl
printf '#!/bin/sh\nprintf "\\nsecond\\n"\n' > emp; chmod 755 emp
printf '#!/bin/sh\necho out; exit 1\n' > out1; chmod 755 out1
printf '#!/bin/sh\nread x; echo "in=$x"\n' > in; chmod 755 in
printf 'svc files\n' > sw
