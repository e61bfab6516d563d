#!/usr/bin/env python3
"""results/*.json -> results/report.md (medians).  report.py [out.md]"""
import json, os, statistics, sys, glob
H = os.path.dirname(os.path.abspath(__file__)); L = lambda n: json.load(open(f"{H}/results/{n}.json")) if os.path.exists(f"{H}/results/{n}.json") else {}
def merged(n):
    d = {}
    for p in glob.glob(f"{H}/results/{n}.json") + sorted(glob.glob(f"{H}/results/{n}-*.json")):      # tagged runs override
        for m, c in json.load(open(p)).items(): d.setdefault(m, {}).update(c)
    return d
M = ["godwit", "sendmail", "postfix", "exim", "opensmtpd"]; out = []
def med(xs): xs = [x for x in xs if x is not None]; return statistics.median(xs) if xs else None
def f(x, k=1):
    if x is None: return "-"
    if isinstance(x, str): return x
    return f"{x:.0f}" if abs(x) >= 100 else f"{x:.{k}f}"
def table(head, rows): out.append("| " + " | ".join(head) + " |"); out.append("|" + "---|" * len(head)); out.extend("| " + " | ".join(str(c) for c in r) + " |" for r in rows); out.append("")
def cellmed(c, k): ok = [x for x in c if x.get("ok")]; return med([x.get(k) for x in ok])
def matrix(name, title, keys):
    d = merged(name); ms = [m for m in M if m in d]
    if not ms: return
    cells = list(dict.fromkeys(c for m in ms for c in d[m])); out.append(f"## {title}\n")
    for k, lab in keys:
        out.append(f"**{lab}**\n"); rows = []
        for c in cells:
            row = [c]
            for m in ms:
                x = d[m].get(c, []); v = cellmed(x, k); bad = sum(1 for y in x if not y.get("ok"))
                row.append(f(v, 2) + (f" ({bad}/{len(x)} failed)" if bad else ""))
            rows.append(row)
        table(["cell"] + ms, rows)
out.append("# Godwit beside its peers (this machine; medians; see README.md for what each cell is)\n")
l = L("limits")
if l:
    out.append("## Physical limits\n"); table(["fsync pattern/threads", "per second"], [[k, f(v, 0)] for k, v in l["fsync"].items()])
    table(["smtp-source -> smtp-sink directly", "msgs/s", "CPU-ms/msg of the two tools"], [[k, f(v["msgs_s"], 0), f(v["cpu_ms_load_tools"], 3)] for k, v in l["loop"].items()])
matrix("relay", "a. Relay smtp-source -> MTA -> smtp-sink", [("msgs_s", "msgs/s, until the sink has all"), ("cpu_ms", "CPU-ms per message (MTA tree only)"), ("pss_mb", "peak PSS, MB"), ("procs", "peak processes")])
matrix("headline", "a0. Headline relay cells (larger counts; the quick gate)", [("msgs_s", "msgs/s"), ("accept_s", "msgs/s accepted by the MTA"), ("cpu_ms", "CPU-ms per message"), ("pss_mb", "peak PSS, MB")])
matrix("accept", "b. Accept only (queue-only)", [("msgs_s", "msgs/s"), ("cpu_ms", "CPU-ms per message")])
matrix("local_mbox", "c1. Local delivery, mbox, 4 users", [("msgs_s", "msgs/s"), ("cpu_ms", "CPU-ms per message")])
if os.path.exists(f"{H}/results/local_mbox-maillocal.json"): out.append("sendmail's row is with procmail moved away (sensible-mda then runs mail.local); with procmail, as sensible-mda prefers, 20 concurrent sessions to 4 mailboxes collide on dot-locks (LOCKSLEEP 8 s) and managed 50 messages in 40 s (1.2/s).\n")
matrix("local_maildir", "c2. Local delivery, Maildir, 4 users", [("msgs_s", "msgs/s"), ("cpu_ms", "CPU-ms per message")])
d = merged("idle"); ms = [m for m in M if m in d]
if ms: out.append("## d. Idle connections (after EHLO)\n"); table(["MTA", "n", "opened", "PSS kB/conn", "RSS kB/conn", "system MemAvailable kB/conn", "processes", "CPU-ms/conn"], [[m, n, r.get("open", r.get("skipped", r.get("err"))), f(r.get("pss_kb_per_conn")), f(r.get("rss_kb_per_conn")), f(r.get("avail_kb_per_conn")), r.get("procs", "-"), f(r.get("cpu_ms_per_conn"), 2)] for m in ms for n, r in d[m].items()])
d = merged("backlog"); ms = [m for m in M if m in d]
if ms: out.append("## e. Deferred backlog\n"); table(["MTA", "backlog", "mailq wall s", "mailq CPU s", "fresh relay msgs/s", "fresh CPU-ms/msg (whole tree)", "peak PSS MB", "all arrived"], [[m, n, f(d[m][n].get("mailq_wall"), 2), f(d[m][n].get("mailq_cpu"), 2), f(d[m][n].get("fresh", {}).get("msgs_s")), f(d[m][n].get("fresh", {}).get("cpu_ms"), 2), f(d[m][n].get("fresh", {}).get("pss_mb")), d[m][n].get("fresh", {}).get("ok", "-")] for m in ms for n in ("0", "10000", "100000") if n in d[m]])
m_ = L("maps")
if m_:
    out.append("## f, g. Maps and configuration\n"); table(["what", "wall s", "CPU s", "bytes", "per CPU-s"], [[k, f(v["wall"], 3) if "wall" in v else f"> {v['timeout']}", f(v.get("cpu"), 3), v.get("bytes") or "", f(v.get("per_cpu_s"), 0) if "k" in v else ""] for k, v in m_.items()])
matrix("submit", "h. CLI submission (cold process each)", [("inv_s", "invocations/s"), ("cpu_ms", "CPU-ms per message, whole tree incl. relay"), ("delivered_s", "end-to-end msgs/s")])
d = merged("startup"); ms = [m for m in M if m in d]
if ms: out.append("## i. Startup, size\n"); table(["MTA", "exec to 220, ms", "idle PSS kB", "idle processes", "binaries kB"], [[m, f(med(d[m].get("startup_ms", []))), d[m].get("idle_mem", {}).get("pss_kb"), d[m].get("idle_mem", {}).get("procs"), ", ".join(f"{os.path.basename(k)} {v//1024}" for k, v in d[m].get("binaries", {}).items())] for m in ms])
d = merged("syscalls"); ms = [m for m in M if m in d]
if ms: out.append("## j. Per message, from strace (1 KB, 2 sessions)\n"); table(["MTA", "path", "fsync", "fdatasync", "fork", "execve", "rename/link/unlink", "open", "all syscalls"], [[m, p] + [r.get(k) for k in ("fsync", "fdatasync", "fork", "execve", "creat_rename_link_unlink", "open", "total")] for m in ms for p, r in d[m].items() if "err" not in r])
open(sys.argv[1] if len(sys.argv) > 1 else H + "/results/report.md", "w").write("\n".join(out)); print("\n".join(out))
