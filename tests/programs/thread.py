"""Has a second thread, and says so by the file "ready"."""
import threading, signal
threading.Thread(target=signal.pause, daemon=True).start()
open("ready", "w").write("x")
signal.pause()
