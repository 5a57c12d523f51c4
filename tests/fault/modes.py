"""The ways of starting and stopping that are swept, and what each is to leave.

Every start has a terminal as its stdin, and that of a session with job control:
the launcher is the leader of a background group, as `cmd &` in a shell is.  Its
stdout and stderr are pipes, and one more descriptor is open.
"""
from __future__ import annotations  # Python 3.9 has no "str | None"

import dataclasses

LAUNCH = "{build}/dznohup"
STATIC = "{build}/targets/victim-static"
VICTIM = "{build}/targets/victim"
FILES = "-o log -p pid --name=job"
QUICK = "-d -o log --timeout=3"
BY_PRELOAD = {"LD_PRELOAD": "{build}/libdz.so"}
# The other library's constructors run before ours.
EXECUTED_TWICE = {"LD_PRELOAD": "{build}/libdz.so {build}/targets/early-default.so"}
FILES_BY_TWINS = {"DZ_OUTPUT": "log", "DZ_PIDFILE": "pid", "DZ_NAME": "job"}
IN_STAY = {"DZ_MODE": "stay"}
UNTIL_MAIN = {"DZ_WAIT": "main"}
WITH_SHIM = {"DZ_SHIM": "{build}/libdz.so"}
POWERS = "--line-buffered --pin-signals --no-daemon"
KEPT = "{build}/targets/kept-victim-static {top}/runs"
AGAIN = "--restart=on-failure:5 --restart-delay=0"
OTHER = 9  # that descriptor: to be closed, but by nohup
MET = "{top}/met"  # made by the victim right before it meets the condition


@dataclasses.dataclass(frozen=True)
class Mode:
    """One way."""
    name: str
    command: str                # words; {build}, {top}, {work} are filled in
    leaves: bool = True         # the launcher ends, the target is another process
    files: bool = False         # has a pidfile "pid" and a record "job"
    log: str = "log"            # what takes stdout; "kept": the pipe stays
    keeps: tuple = ()           # descriptors from 3
    met: bool = False           # the condition is one that the victim meets
    environment: dict = dataclasses.field(default_factory=dict)
    stops: bool = False         # is a dzctl stop, of a job that is started before
    adopts: bool = False        # is an adoption, of a program that is started before
    kept: str | None = None     # has a keeper: what its program does, once, twice, ...
    root: bool = False          # has a socket of a fixed name: needs a mount namespace
    folder: str | None = None   # where the place is; None: where temporary files are


MODES = [
    Mode("stay", f"{LAUNCH} {STATIC}", leaves=False, log="kept"),
    Mode("stay-files", f"{LAUNCH} {FILES} {STATIC}", leaves=False, files=True),
    Mode("nohup", f"{LAUNCH} --nohup {STATIC}", leaves=False, log="nohup.out",
         keeps=(OTHER,)),
    Mode("leave", f"{LAUNCH} -d {STATIC}", log="nohup.out"),
    Mode("memory", f"{LAUNCH} {QUICK} --wait=exec {STATIC}", folder="/dev/shm"),
    Mode("pidfile", f"{LAUNCH} {QUICK} -p pid --name=job --wait=exec {STATIC}", files=True),
    Mode("manager", f"{LAUNCH} {QUICK} --wait=exec {STATIC}",
         environment={"NOTIFY_SOCKET": "{manager}"}),
    Mode("alive", f"{LAUNCH} {QUICK} --wait=alive:0.02 {STATIC}"),
    Mode("main", f"{LAUNCH} {QUICK} --wait=main {VICTIM}",
         environment=WITH_SHIM),
    Mode("powers", f"{LAUNCH} {POWERS} -o log --timeout=3 {VICTIM}", leaves=False,
         environment=WITH_SHIM),
    Mode("powers-leave", f"{LAUNCH} {QUICK} {POWERS} --wait=exec {VICTIM}",
         environment=WITH_SHIM),
    Mode("seccomp", f"{LAUNCH} -o log --pin-signals=seccomp {STATIC}", leaves=False),
    Mode("listen", f"{LAUNCH} {QUICK} --wait=listen {STATIC} listen {MET}", met=True),
    Mode("notify", f"{LAUNCH} {QUICK} --wait=notify {STATIC} notify {MET}", met=True),
    Mode("fd", f"{LAUNCH} {QUICK} --wait=fd:7 {STATIC} fd {MET}", met=True, keeps=(7,)),
    Mode("path", f"{LAUNCH} {QUICK} --wait=path:{MET} {STATIC} path {MET}", met=True),
    Mode("log", f"{LAUNCH} {QUICK} --wait=log:met {STATIC} log {MET}", met=True),
    Mode("cmd", f"{LAUNCH} {QUICK} --wait=cmd:true {STATIC}"),
    Mode("shim", VICTIM, log="nohup.out", environment=BY_PRELOAD),
    Mode("shim-files", VICTIM, files=True,
         environment=BY_PRELOAD | FILES_BY_TWINS | UNTIL_MAIN),
    Mode("shim-stay", VICTIM, leaves=False, files=True,
         environment=BY_PRELOAD | FILES_BY_TWINS | IN_STAY),
    Mode("shim-again", VICTIM, files=True,
         environment=EXECUTED_TWICE | FILES_BY_TWINS | UNTIL_MAIN),
    Mode("shim-again-stay", VICTIM, leaves=False, files=True,
         environment=EXECUTED_TWICE | FILES_BY_TWINS | IN_STAY),
    Mode("stop", "{build}/dzctl stop job", stops=True, files=True),
    Mode("stop-pidfile", "{build}/dzctl stop ./pid", stops=True, files=True),
    Mode("keep", f"{LAUNCH} --mode=stay --keep {FILES} {KEPT} once", leaves=False,
         files=True, kept="once"),
    Mode("keep-leave", f"{LAUNCH} {QUICK} --keep -p pid --name=job --wait=exec {KEPT} once",
         files=True, kept="once"),
    Mode("keep-restart", f"{LAUNCH} --mode=stay {AGAIN} {FILES} {KEPT} twice", leaves=False,
         files=True, kept="twice"),
    Mode("keep-pump", f"{LAUNCH} --mode=stay {AGAIN} {FILES} --timestamps --rotate=60,30 {KEPT} twice",
         leaves=False, files=True, kept="twice"),
    Mode("keep-command", f"{LAUNCH} --mode=stay {AGAIN} -o |cat>>{{work}}/log -p pid --name=job {KEPT} twice",
         leaves=False, files=True, kept="twice"),
    Mode("keep-syslog", f"{LAUNCH} --mode=stay {AGAIN} -o syslog: -p pid --name=job {KEPT} twice",
         leaves=False, files=True, kept="twice", root=True),
    Mode("keep-journal", f"{LAUNCH} --mode=stay {AGAIN} -o journal: -p pid --name=job {KEPT} twice",
         leaves=False, files=True, kept="twice", root=True),
    Mode("keep-watchdog", f"{LAUNCH} --mode=stay --watchdog=60 --keep {FILES} {KEPT} once",
         leaves=False, files=True, kept="once"),
    Mode("keep-stop", f"{LAUNCH} --mode=stay {AGAIN} {FILES} --timestamps {KEPT} stop", leaves=False,
         files=True, kept="stop"),
    Mode("keep-again", "{build}/dzctl keep job", files=True, kept="drained"),
    Mode("stop-kept", "{build}/dzctl stop job", stops=True, files=True),
    Mode("adopt", f"{LAUNCH} --adopt={{adoptee}} {FILES}", adopts=True, files=True),
]
BY_NAME = {mode.name: mode for mode in MODES}
TO_STOP = f"{LAUNCH} {QUICK} -p pid --name=job --wait=exec {STATIC}"
TO_STOP_KEPT = f"{LAUNCH} {QUICK} --keep --timestamps -p pid --name=job --wait=exec {STATIC}"
TO_KEEP = f"{LAUNCH} {QUICK} --keep --timestamps -q -p pid --name=job --wait=exec {KEPT} drained"
ADOPTEE = "{build}/targets/adoptee-static wait sleep"
