#!/usr/bin/env python3
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.kill(os.getpid(), signal.SIGHUP)
print(sys.argv[1:], "LD_PRELOAD" in os.environ, "libdz" in open("/proc/self/maps").read())
