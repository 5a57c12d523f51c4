"""Sets SIGHUP to its default, sends it to itself, and says that it lives."""
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.kill(os.getpid(), signal.SIGHUP)
print("lives")
