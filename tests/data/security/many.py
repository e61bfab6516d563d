"""many.py PORT SECONDS: sessions under STARTTLS, one after the other in four threads. Prints how many there
were, how many failed, and how many certificates were seen."""
import hashlib, smtplib, ssl, sys, threading, time

port, end = int(sys.argv[1]), time.time() + float(sys.argv[2])
seen, counts, faults = set(), [0], []


def work():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    while time.time() < end:
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=20) as server:
                server.ehlo("c")
                server.starttls(context=context)
                server.ehlo("c")
                seen.add(hashlib.sha256(server.sock.getpeercert(True)).hexdigest())
            counts[0] += 1
        except Exception as fault:
            faults.append(repr(fault))
        time.sleep(0.02)


threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("sessions: %s, failed: %d, certificates: %d" % (counts[0] > 20, len(faults), len(seen)), *faults[:3])
